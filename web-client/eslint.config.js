import svelte from "eslint-plugin-svelte";
import ts from "typescript-eslint";

/** One way only: ui -> state -> protocol. `i18n` has no layers below it. */
const layer = (files, forbidden, message) => ({
  files,
  rules: { "no-restricted-imports": ["error", { patterns: [{ group: forbidden, message }] }] },
});

export default ts.config(
  { ignores: ["dist", "src/i18n/generated", "src/ui/emoji/generated"] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  { files: ["**/*.svelte", "**/*.svelte.ts"], languageOptions: { parserOptions: { parser: ts.parser } } },
  {
    rules: {
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "svelte/no-at-html-tags": "error",
      // Addresses are put together by state/navigation, there is no SvelteKit here.
      "svelte/no-navigation-without-resolve": "off",
    },
  },
  {
    files: ["src/state/**/*.svelte.ts"],
    // What nobody shows is kept in plain maps and sets, on purpose.
    rules: { "svelte/prefer-svelte-reactivity": "off" },
  },
  layer(
    ["src/protocol/**"],
    ["**/state/**", "**/ui/**", "**/i18n/**", "svelte", "svelte/*"],
    "protocol knows neither state nor UI",
  ),
  layer(["src/state/**"], ["**/ui/**"], "state does not know the UI"),
  layer(["src/ui/**"], ["**/protocol/!(contract|ids)*"], "the UI asks state"),
);
