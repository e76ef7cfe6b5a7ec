"use strict";
// One key presses the button that shows it; a second answer waits for the next page.
let sent = false;
document.addEventListener("submit", (event) => {
  if (sent) event.preventDefault();
  sent = true;
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  for (const button of document.querySelectorAll("button[data-key]")) {
    if (button.dataset.key === event.key.toLowerCase() && !button.disabled) {
      event.preventDefault();
      button.click();
      return;
    }
  }
});
// A page from the browser's memory is old: load it again.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
