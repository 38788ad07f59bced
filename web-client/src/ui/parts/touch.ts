/** Fingers point here: no keyboard that one could be told about. */
import { MediaQuery } from "svelte/reactivity";

export const touch = new MediaQuery("pointer: coarse");
