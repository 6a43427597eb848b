// The live feed: new items on top as they come, held back while paused, older ones below on request.
// The server names each event's place as the SSE id; a lost connection resumes behind the last one seen.

const MOST = 400;

export function follow(list, localize) {
  const live = document.getElementById("live");
  const pause = document.getElementById("pause");
  const waiting = document.getElementById("waiting");
  const held = [];
  let paused = false;
  let last = null;

  function put(event) {
    if (document.getElementById(`e-${event.id}`)) return;
    const template = document.createElement("template");
    template.innerHTML = event.html;
    const item = template.content.querySelector("li");
    localize(item);
    item.classList.add("fresh");
    list.prepend(item);
    document.getElementById("empty")?.remove();
    while (list.children.length > MOST) list.lastElementChild.remove();
  }

  function tell() {
    pause.textContent = paused ? `Go on (${held.length} new)` : "Pause";
    pause.setAttribute("aria-pressed", String(paused));
    waiting.textContent = paused ? "Paused." : "";
  }

  function connect(url) {
    const source = new EventSource(url);
    source.onopen = () => {
      live.hidden = false;
      live.textContent = "live";
      live.dataset.state = "on";
    };
    source.addEventListener("activity", (message) => {
      last = message.lastEventId;
      const event = JSON.parse(message.data);
      if (paused) {
        held.push(event);
        tell();
      } else put(event);
    });
    source.onerror = () => {
      live.hidden = false;
      live.textContent = "reconnecting";
      live.dataset.state = "off";
      // The browser tries again by itself after a cut, but gives up when a proxy or a starting server answers.
      if (source.readyState === EventSource.CLOSED) {
        setTimeout(() => connect(resumed(list.dataset.stream)), 1000);
      }
    };
  }

  function resumed(url) {
    if (last === null) return url;
    const next = new URL(url, location.href);
    next.searchParams.set("after", last);
    return next.href;
  }

  if (list.dataset.stream) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      paused = !paused;
      if (!paused) held.splice(0).forEach(put);
      tell();
    });
    connect(list.dataset.stream);
  }
  scrollBack(list, localize);
}

function scrollBack(list, localize) {
  const older = document.getElementById("older");
  older?.addEventListener("click", async (click) => {
    if (click.ctrlKey || click.metaKey || click.shiftKey) return;
    click.preventDefault();
    const answer = await fetch(older.href);
    if (!answer.ok) return location.assign(older.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const items = page.querySelectorAll("#events > li");
    let first = null;
    for (const item of items) {
      if (document.getElementById(item.id)) continue;
      localize(item);
      list.append(item);
      first ??= item;
    }
    first?.querySelector("a")?.focus();
    const next = page.getElementById("older");
    if (next) older.href = next.getAttribute("href");
    else older.parentElement.remove();
  });
}
