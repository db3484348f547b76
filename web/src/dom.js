// Building the page's elements.

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean>} [attributes] `true` sets an empty one, `false` none
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/**
 * @param {string} text
 * @param {() => void} action
 * @returns {HTMLButtonElement}
 */
export function button(text, action) {
  const made = element("button", { type: "button", class: "explorable-button" }, text);
  made.addEventListener("click", action);
  return made;
}

/**
 * @param {string} address
 * @returns {Promise<void>} settles when the style sheet is there; one that the page has already is not fetched again
 */
export function loadStyle(address) {
  const links = /** @type {NodeListOf<HTMLLinkElement>} */ (document.querySelectorAll("link[rel=stylesheet]"));
  if ([...links].some((link) => link.href.split("?")[0] === address)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const link = element("link", { rel: "stylesheet", href: address });
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", () => reject(new Error(`no style sheet at ${address}`)));
    document.head.append(link);
  });
}

/**
 * @param {string} name of the file
 * @param {Blob} content
 */
export function save(name, content) {
  const address = URL.createObjectURL(content);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/**
 * @returns {Promise<void>} settles when the page is about to be painted, or soon where it is hidden and never is
 */
export function nextFrame() {
  return new Promise((resolve) => {
    if (document.hidden) setTimeout(resolve, 0);
    else requestAnimationFrame(() => resolve());
  });
}

/**
 * @param {() => void} action
 * @param {number} delay in milliseconds
 * @returns {() => void} runs the action once no call has come for that long
 */
export function settled(action, delay) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, delay);
  };
}
