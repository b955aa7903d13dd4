/** The time, once a second, for as long as something on the screen wants to know. */
export class Ticker {
  now = $state(Date.now());

  readonly run = () => {
    const timer = setInterval(() => {
      this.now = Date.now();
    }, 1000);
    return () => {
      clearInterval(timer);
    };
  };
}
