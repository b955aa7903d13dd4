/** Short words at the edge of the screen that go away by themselves. */

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: "info" | "problem";
  readonly action: { label: string; onpick: () => void } | null;
}

export interface ToastOptions {
  kind?: Toast["kind"];
  action?: Toast["action"];
  /** Stays until somebody closes it. */
  sticky?: boolean;
}

const SHOWN_FOR = 6000;

export class Toasts {
  list = $state.raw<readonly Toast[]>([]);
  #next = 1;

  show(text: string, options: ToastOptions = {}): void {
    const toast: Toast = {
      id: this.#next++,
      text,
      kind: options.kind ?? "info",
      action: options.action ?? null,
    };
    this.list = [...this.list.filter((other) => other.text !== text).slice(-2), toast];
    if (options.sticky !== true) {
      setTimeout(() => {
        this.close(toast.id);
      }, SHOWN_FOR);
    }
  }

  close(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}
