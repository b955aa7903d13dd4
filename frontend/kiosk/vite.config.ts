import { defineConfig } from "vite";

import { appConfig } from "../vite.shared.ts";

export default defineConfig({ root: import.meta.dirname, ...appConfig("/kiosk/") });
