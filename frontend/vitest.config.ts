import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "node",
    include: ["shared/src/**/*.test.ts", "chat/src/**/*.test.ts", "kiosk/src/**/*.test.ts"],
    testTimeout: 10_000,
  },
});
