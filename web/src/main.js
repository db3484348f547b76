// Wakes the explorables of a page, each when a reader comes near it; until then nothing heavy is fetched. A classic
// script, because a browser refuses modules on file: pages, where the pictures stay as they are.

(() => {
  if (location.protocol === "file:") return;
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const module = new URL("explorable.js", script.src).href;
  const margin = 200;
  const loading = "Loading the model that moves this figure…";
  const failed = "The figure could not be made to move in this browser; the picture shows its starting setting.";

  /** @param {HTMLElement} stage */
  async function wake(stage) {
    if (stage.dataset.state) return;
    stage.dataset.state = "loading";
    const remark = document.createElement("span");
    remark.setAttribute("role", "status");
    remark.textContent = ` ${loading}`;
    stage.closest(".explorable")?.querySelector(".explorable-hint")?.append(remark);
    try {
      const { start } = await import(module);
      await start(stage);
      remark.remove();
    } catch {
      // the picture is still there, and reads as before
      stage.dataset.state = "failed";
      remark.textContent = ` ${failed}`;
    }
  }

  /** @param {string} text */
  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  /**
   * @param {string} hash
   * @returns {HTMLElement | null} the stage that the address names
   */
  function named(hash) {
    const id = decoded(hash.slice(1).split("?")[0]);
    const box = id ? document.getElementById(id) : null;
    return box?.querySelector("[data-explorable]") ?? null;
  }

  /** @param {string} hash */
  function follow(hash) {
    const stage = named(hash);
    if (!stage) return;
    stage.closest(".explorable")?.scrollIntoView();
    wake(stage);
  }

  /** @param {HTMLElement} stage */
  function watch(stage) {
    const box = stage.closest(".explorable") ?? stage;
    const near = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        near.disconnect();
        wake(stage);
      },
      { rootMargin: `${margin}px` },
    );
    near.observe(box);
    for (const event of ["pointerdown", "focusin"]) box.addEventListener(event, () => wake(stage), { once: true });
  }

  const stages = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-explorable]"));
  if (!stages.length) return;
  for (const stage of stages) watch(stage);
  addEventListener("hashchange", ({ newURL }) => follow(new URL(newURL).hash));
  follow(location.hash);
})();
