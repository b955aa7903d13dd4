import "@parlor/shared/ui/tokens.css";
import "@parlor/shared/ui/base.css";

import { mount } from "svelte";

import App from "./App.svelte";

mount(App, { target: document.body });
