import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

import svelteConfig from "./svelte.config.js";

const FETCH_DOOR = "Only shared/src/api talks to the server.";

import { defineConfig } from "eslint/config";

export default defineConfig(
  { ignores: ["**/dist/", "**/node_modules/", "shared/src/api/generated/", "test-results/"] },
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  svelte.configs.recommended,
  {
    languageOptions: {
      globals: globals.browser,
      parserOptions: { projectService: true, extraFileExtensions: [".svelte"] },
    },
    rules: {
      "max-lines": ["error", { max: 250, skipBlankLines: true, skipComments: true }],
      "no-restricted-globals": [
        "error",
        ...["fetch", "EventSource", "WebSocket"].map((name) => ({ name, message: FETCH_DOOR })),
      ],
      "no-restricted-properties": [
        "error",
        { object: "window", property: "fetch", message: FETCH_DOOR },
      ],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_" },
      ],
      // Event handlers may be async: Svelte has nothing to do with what they return.
      "@typescript-eslint/no-misused-promises": [
        "error",
        { checksVoidReturn: { attributes: false } },
      ],
      "svelte/require-each-key": "error",
      "svelte/button-has-type": "error",
      "svelte/no-at-html-tags": "error",
      "svelte/no-inline-styles": "error",
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
    rules: {
      // Hand-made routing (chat/src/routes.ts): there is no resolve() to call.
      "svelte/no-navigation-without-resolve": "off",
      // TypeScript itself knows snippets, props and runes better.
      "no-undef": "off",
      // Types from other components are svelte-check's to judge; here they all look like any.
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      // Sets and maps here are bookkeeping that is never drawn.
      "svelte/prefer-svelte-reactivity": "off",
    },
  },
  {
    files: ["shared/src/api/**", "e2e/**", "**/*.test.ts"],
    rules: { "no-restricted-globals": "off" },
  },
  {
    files: ["**/*.js"],
    extends: [ts.configs.disableTypeChecked],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
  },
);
