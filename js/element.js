// SPDX-License-Identifier: BSD-3-Clause

/** An element with attributes, listeners (on…) and children. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Sets a text only where it changed: less for the browser to lay out. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
