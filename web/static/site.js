// Times in the viewer's zone on every page; the live feed where there is one.
import { follow } from "./feed.js";

const zoned = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

export function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const today = new Date().toDateString() === at.toDateString();
    time.textContent = today ? clock.format(at) : zoned.format(at);
    time.title = exact.format(at);
  }
}

localize(document);
const list = document.getElementById("events");
if (list) follow(list, localize);
