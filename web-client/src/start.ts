/** Everything that is there whoever visits: the state, the connection, the root of the UI. */
import { mount } from "svelte";
import { app } from "./state/app.svelte";
import App from "./ui/App.svelte";
import "./ui/theme.css";

const target = document.getElementById("app");
if (target) mount(App, { target });
void app.start();
