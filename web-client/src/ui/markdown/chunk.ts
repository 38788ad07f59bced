/** What `marked.svelte.ts` loads. */
export { default as Blocks } from "./Blocks.svelte";
export { parse } from "./parse";
export { plainText } from "./tree";
