/** Everything that is there whoever visits: the state, the connection, the root of the UI. */
import { mount } from "svelte";
import { app } from "./state/app.svelte";
import App from "./ui/App.svelte";
import { authPage, layout } from "./ui/pages";
import "./ui/theme.css";

// From a cache the scripts can be faster than the page that they are named in.
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", run);
else void run();

async function run(): Promise<void> {
  void app.start();
  // The page shows by itself that it is starting (index.html): what it becomes is drawn once.
  await (app.phase === "signedOut" ? authPage : layout).load().done;
  const target = document.getElementById("app");
  target?.replaceChildren();
  if (target) mount(App, { target });
}
