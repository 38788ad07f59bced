import { mount } from "svelte";
import { app } from "./state/app.svelte";
import App from "./ui/App.svelte";
import "./ui/theme.css";
import { watchForUpdates } from "./ui/update";

const target = document.getElementById("app");
if (target) mount(App, { target });
void app.start();
void watchForUpdates();
