// At most one piece of work under way; of the requests that come meanwhile only the newest is kept.

/**
 * @template Request
 * @param {(request: Request) => Promise<void>} work
 * @returns {(request: Request) => Promise<void>} settles when the request, or a newer one in its place, has been done
 */
export function latest(work) {
  /** @type {Promise<void> | null} */
  let running = null;
  /** @type {{ request: Request, done: Promise<void> } | null} */
  let waiting = null;

  /** @param {Request} request */
  function begin(request) {
    const done = work(request).finally(() => {
      running = null;
    });
    running = done;
    return done;
  }

  return (request) => {
    if (!running) return begin(request);
    if (waiting) {
      waiting.request = request;
      return waiting.done;
    }
    const next = () => {
      const { request: newest } = /** @type {{ request: Request }} */ (waiting);
      waiting = null;
      return begin(newest);
    };
    waiting = { request, done: running.then(next, next) };
    return waiting.done;
  };
}

/**
 * @param {number} patience in milliseconds
 * @param {(busy: boolean) => void} onBusy told when work has gone on for that long without a pause, and when it is over
 * @returns {(work: Promise<void>) => Promise<void>} watches a piece of work, and gives it back
 */
export function createPatience(patience, onBusy) {
  let underWay = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return (work) => {
    if (underWay === 0) timer = setTimeout(() => onBusy(true), patience);
    underWay += 1;
    return work.finally(() => {
      underWay -= 1;
      if (underWay > 0) return;
      clearTimeout(timer);
      onBusy(false);
    });
  };
}
