// Arrow keys through a grid of links: one stop for Tab, whatever the number of links.

export function moveThrough(list, selector) {
  list.addEventListener("focusin", (event) => {
    const link = event.target.closest(selector);
    if (!link) return;
    for (const other of list.querySelectorAll(`${selector}[tabindex="0"]`)) if (other !== link) other.setAttribute("tabindex", -1);
    link.setAttribute("tabindex", 0);
  });
  list.addEventListener("keydown", (event) => {
    const link = event.target.closest(selector);
    if (!link || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = target(list, selector, link, event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}

function target(list, selector, link, key) {
  const links = [...list.querySelectorAll(selector)];
  const place = links.indexOf(link);
  if (key === "ArrowRight") return links[place + 1];
  if (key === "ArrowLeft") return links[place - 1];
  if (key === "Home") return links[0];
  if (key === "End") return links.at(-1);
  if (key !== "ArrowDown" && key !== "ArrowUp") return null;
  // As many to the side as one row holds.
  const top = links[0].parentElement.offsetTop;
  const columns = Math.max(1, links.findIndex((one) => one.parentElement.offsetTop > top));
  return links[place + (key === "ArrowDown" ? columns : -columns)];
}
