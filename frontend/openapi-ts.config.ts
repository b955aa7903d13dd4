import { defineConfig } from "@hey-api/openapi-ts";

export default defineConfig({
  input: "./shared/openapi.json",
  output: { path: "./shared/src/api/generated", clean: true },
  plugins: [{ name: "@hey-api/typescript", enums: false }],
});
