// Behavior of the page. The server renders all texts and figures; this script only requests them.
const $ = (id) => document.getElementById(id);
const words = $("words")?.dataset ?? {};
const own = crypto.randomUUID();  // id of this tab
const root = new URL("..", import.meta.url).pathname;  // a proxy may put the page below a path

async function post(path, said) {
  const answer = await fetch(root + path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said),
  });
  if ([502, 503, 504].includes(answer.status) && !answer.headers.get("content-type")?.includes("json")) {
    throw new Error("no server behind the proxy");
  }
  return { ok: answer.ok, said: await answer.json().catch(() => ({})) };
}

// The stream of events. It also shows the server that the page is open. A browser has six
// connections to a server for all of its tabs, so a hidden tab that waits for nothing has no stream.
let stream = null, lost = false, waits = false;
const heard = { message: () => {}, open: () => {} };
function listen() {
  stream = new EventSource(`${root}events?tab=${own}`);
  stream.onopen = () => { $("lost").hidden = true; heard.open(); };
  stream.onerror = () => {
    lost = true;
    $("lost").hidden = false;
    const dead = stream;  // a browser does not reconnect if a proxy answers for a server that has ended
    if (dead.readyState === EventSource.CLOSED) setTimeout(() => { if (stream === dead) listen(); }, 2000);
  };
  stream.onmessage = (event) => heard.message(JSON.parse(event.data));
}
function rest() {
  if ((!document.hidden || waits) && !stream) listen();
  else if (document.hidden && stream && !waits) stream = (stream.close(), null);
}
listen();
document.addEventListener("visibilitychange", rest);
setInterval(() => { if (!stream) fetch(`${root}here`).catch(() => {}); }, 20000);

for (const link of document.querySelectorAll("a[data-lang]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const there = new URL(location.href);
    there.searchParams.set("lang", link.dataset.lang);
    location.replace(there);
  });
}
if (new URL(location.href).searchParams.has("lang")) {  // a cookie keeps the language
  const there = new URL(location.href);
  there.searchParams.delete("lang");
  history.replaceState(history.state, "", there);
}

if ($("drop")) choosing();
if ($("controls")) asking();

function choosing() {
  const take = async (file) => {
    if (!file) return;
    $("dropped").textContent = file.name;
    const answer = await fetch(`${root}drop?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file })
      .catch(() => null);
    const said = (await answer?.json().catch(() => null)) ?? {};
    if (answer?.ok) location.assign(said.at);
    else $("dropped").textContent = said.text ?? `${file.name}: ${$("dropped").dataset.failed}`;
  };
  $("file").addEventListener("change", () => take($("file").files[0]));
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      if (kind === "drop") take(event.dataTransfer.files[0]);
    });
  }
}

function asking() {
  const { scenario, variant } = document.querySelector(".halves").dataset;
  const german = document.documentElement.lang === "de", submitted = {};  // last submitted values, by form
  const controls = $("controls");
  let asked = "", halted = 0, reportedNumber = 0, without = false, number = 0, shownOf = null, underway = null, answered = null, stamp = "", heardLast = "", before = null, timer = 0, drawing = 0, place = history.state?.place ?? 0;
  const address = () => new URL(location.href).searchParams;
  function question() {  // the question, without the parts of the address that only affect the view
    const made = address();
    for (const name of ["view", "pin", "lang"]) made.delete(name);
    return made.toString();
  }
  let pins = address().getAll("pin");  // kept through undo and redo
  const rows = () => [...controls.querySelectorAll(".control")];

  // Values in controls and in addresses.
  const entry = (row) => row.querySelector("select, input.number");
  // Numbers in local notation: 1.234,5 in German, 1,234.5 in English; null for any other text.
  function parsed(text) {
    const [point, group] = german ? [",", "."] : [".", ","], bare = text.replace(/[\s\u00a0\u202f]/g, "");
    const grouped = new RegExp(`^[1-9]\\d{0,2}(\\${group}\\d{3})+(\\${point}\\d*)?$`);
    const plain = grouped.test(bare) ? bare.replaceAll(group, "").replace(point, ".") : bare.replace(",", ".");
    return /^\d+(\.\d*)?(e[+-]?\d+)?$|^\.\d+$/.test(plain) ? Number(plain) : null;
  }
  const shown = (number) => String(Number(number.toPrecision(6))).replace(".", german ? "," : ".");
  function set(input, number) {
    input.value = shown(number);
    input.setCustomValidity("");
  }
  function fits(input) {  // whether a field contains a valid number
    const number = parsed(input.value), about = input.dataset;
    const inside = number !== null && number >= Number(about.least ?? 0) && number <= Number(about.most ?? Infinity);
    const good = inside && (!about.whole || Number.isInteger(number));
    input.setCustomValidity(good ? "" : about.says ?? words.number);
    input.toggleAttribute("aria-invalid", !good);
    return good;
  }
  const slider = (row) => row.querySelector("input[type=range]");
  const base = (row) => row.dataset.base;
  function value(row) {
    const input = entry(row);
    if (input.tagName === "SELECT") return input.value;
    if (!fits(input)) return address().getAll("set").map(split).find(([id]) => id === row.dataset.id)?.[1] ?? base(row);
    const raw = Number((parsed(input.value) / Number(row.dataset.scale)).toPrecision(10));
    // The field shows only six digits of the value.
    const same = Math.abs(raw - Number(base(row))) <= 1e-5 * Math.abs(Number(base(row)));
    return same ? base(row) : String(raw);
  }
  function put(row, said = null) {  // sets a row to a value, by default that of the file
    const input = entry(row), raw = said ?? base(row);
    if (input.tagName === "SELECT") input.value = raw;
    else {
      const number = Number(raw) * Number(row.dataset.scale);
      set(input, number);
      slider(row).max = Math.max(Number(slider(row).max), number);
      slider(row).value = number;
    }
    keep(row, said !== null);
  }
  // A figure at its value in the file is part of the question if it was set together with a factor.
  function keep(row, said) {
    row.toggleAttribute("data-kept", said && !factor(row) && value(row) === base(row));
    mark(row);
  }
  const factor = (row) => row.dataset.id === "assumptions" || row.querySelector(".entry")?.textContent.trim() === "×";
  const multiplied = () => rows().some((row) => factor(row) && value(row) !== base(row));
  const moves = (row) => value(row) !== base(row) || (row.hasAttribute("data-kept") && !factor(row) && multiplied());
  function mark(row) {
    if (factor(row)) for (const one of controls.querySelectorAll(".control[data-kept]")) if (one !== row) mark(one);
    const moved = moves(row);
    row.classList.toggle("moved", moved);
    row.querySelector(".reset").hidden = !moved;
  }
  function query(order) {
    const made = new URLSearchParams({ scenario });
    if (variant) made.append("variant", variant);
    const now = new Map(order.map((id) => [id, null]));  // in the order in which they were moved
    for (const row of rows()) {
      if (moves(row)) now.set(row.dataset.id, value(row));
      else now.delete(row.dataset.id);
    }
    for (const [id, here] of now) if (here !== null) made.append("set", `${id}=${here}`);
    return made;
  }
  const split = (text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)];
  const ids = () => address().getAll("set").map((text) => split(text)[0]);

  function go(made) {  // asks another question; the history keeps the previous one
    const there = address();
    if (made.toString() === question()) {
      if (waits && reportedNumber !== number) return;  // there is no answer yet
      if (!waits && !without) return fresh();
      document.body.classList.remove("stale");  // the page shows its answer: a first plan, or a failure
      say("");
      return;
    }
    if (there.get("view")) made.append("view", there.get("view"));
    for (const one of pins) made.append("pin", one);
    place += 1;
    history.pushState({ place }, "", `?${made}`);
    $("undo").disabled = false;
    $("redo").disabled = true;
    ask();
  }
  function say(text, unseen = false) {  // shows a status, or passes it to screen readers only
    $("status").textContent = text;
    $("status").classList.toggle("unseen", unseen);
  }
  function stale() {
    document.body.classList.add("stale");
    $("view").classList.add("old");
    $("view").dataset.old = words.old;
    $("pin").disabled = true;
    for (const link of document.querySelectorAll("a[data-take]")) link.removeAttribute("href");
    if (answered) say(words.stale);
  }
  function fresh() {  // the page shows the answer to the current question
    document.body.classList.remove("stale");
    say("");
    $("pin").disabled = false;
    for (const link of document.querySelectorAll("a[data-take]")) {
      link.href = `${root}take/${link.dataset.take}?${new URLSearchParams({ of: answered, stamp })}`;
    }
    clearTimeout(drawing);
    drawing = setTimeout(view, 400);  // no view is drawn if the user changes something at once
  }

  async function ask() {
    asked = location.search;
    without = false;
    stale();
    number += 1;
    const mine = number;
    say(answered ? words.stale : words.asking);
    busy(true);
    const sent = { tab: own, number, query: question() };
    let answer = null;
    while (mine === number && !(answer = await post("ask", sent).catch(() => null))) {
      $("lost").hidden = false;  // the request failed, although the stream may be open
      await new Promise((after) => setTimeout(after, 1000));
    }
    if (mine !== number) return;
    if (stream?.readyState === EventSource.OPEN) $("lost").hidden = true;
    if (!answer.ok) failed(answer.said.text ?? words.failed);
  }
  function failed(text) {
    without = true;
    document.body.classList.remove("stale");
    $("figures").replaceChildren(Object.assign(document.createElement("p"), { className: "caution", textContent: text }));
    say("");
    busy(false);
    $("again").hidden = false;
    nothing();
  }
  function steady() {  // keeps the height of the figures, so that the content below does not move
    const box = $("figures");
    if (!$("head").classList.contains("small")) box.style.minHeight = `${Math.max(parseFloat(box.style.minHeight) || 0, box.getBoundingClientRect().height)}px`;
  }
  addEventListener("resize", () => { $("figures").style.minHeight = ""; });
  function nothing() {  // there is no plan to show
    if (!answered) $("view").setAttribute("aria-busy", "false");
  }
  const since = new Map();
  function clock(box, on) {  // shows the seconds of waiting, which screen readers do not read
    if (on && since.has(box)) return;
    clearInterval(since.get(box));
    since.delete(box);
    delete box.dataset.since;
    if (!on) return;
    const began = performance.now();
    const tick = () => { box.dataset.since = `${Math.round((performance.now() - began) / 1000)} s`; };
    since.set(box, setInterval(tick, 1000));
  }
  function busy(on) {
    waits = on;
    clock($("status"), on);
    rest();
    $("stop").hidden = !on;
    $("again").hidden = true;
    $("figures").setAttribute("aria-busy", String(on));
  }

  heard.message = (said) => {
    if (said.number !== number) return;
    if (said.state === "waiting") say(said.text);
    if (!said.html) return busy(true);
    reportedNumber = number;
    document.body.classList.remove("stale");
    $("figures").innerHTML = said.html;
    steady();
    const done = ["proven", "stopped", "failed"].includes(said.state);
    busy(!done);
    // "Ask again" is offered only if the process died or the user stopped the search.
    const died = said.state === "failed" && !$("figures").querySelector("li");
    $("again").hidden = !(died || (said.state === "stopped" && halted === number));
    say(done ? said.text : "", true);
    if (!done) return;
    without = said.state === "failed";
    if (without) return nothing();
    if (answered !== said.query) [before, answered] = [answered, said.query];
    stamp = said.stamp;
    if (heardLast !== said.html) shownOf = null;  // after "ask again" it is another plan
    heardLast = said.html;
    fresh();
    say(said.text, true);
  };
  heard.open = () => {
    // A question that was sent without a connection may not have arrived.
    if (lost && waits) ask();
    lost = false;
  };

  // Views of the answer.
  const current = () => !waits && !without && !document.body.classList.contains("stale");
  const named = () => address().get("view") ?? "brief";
  async function view() {
    const name = named(), box = $("view");
    for (const one of document.querySelectorAll(".views [data-view]")) {
      one.setAttribute("aria-current", String(one.dataset.view === name));
    }
    $("event").hidden = name !== "stress";
    $("payer").hidden = name !== "company";
    const form = { stress: $("event"), company: $("payer") }[name];
    if (name === "stress" && !submitted[name]) moved_event();
    if (!answered) return;
    if (form && !submitted[name]) {  // the form must be submitted first
      shownOf = null;
      waiting(box, false);
      box.replaceChildren();
      return;
    }
    const made = new URLSearchParams();
    let of = [answered];
    if (name === "changed") of = [before ?? bare(), answered];
    if (name === "board") of = [...new Set([bare(), ...pins, ...(pins.length ? [] : [answered])])];
    for (const one of of) made.append("of", one);
    made.append("stamp", stamp);
    if (form) made.append(...submitted[name]);
    const mine = made.toString() + name;
    box.dataset.old = words.old;
    if (shownOf === mine) return box.classList.toggle("old", !current());
    shownOf = mine;
    underway?.abort();
    underway = new AbortController();
    const other = box.dataset.view !== name;
    if (other || form) box.replaceChildren();  // the old content belongs to another view or form
    box.dataset.view = name;
    box.dataset.drawing = name === "company" ? words.without : words.drawing;
    waiting(box, false);
    waiting(box, true);
    const answer = await fetch(`${root}view/${name}?${made}`, { signal: underway.signal }).catch(() => null);
    const html = (await answer?.text().catch(() => "")) ?? "";
    if (shownOf !== mine) return;
    if (!answer?.ok) shownOf = null;  // so that it can be requested again
    waiting(box, false);
    if (!answer) return;
    const note = name === "changed" && !before ? `<p class="note">${words.noChange}</p>` : "";
    const kind = answer.headers.get("content-type") ?? "";
    if (kind.startsWith("text/html")) box.innerHTML = note + html;
    else box.textContent = (kind.includes("json") && JSON.parse(html).text) || words.failed;
    box.classList.toggle("old", !current());
    reachable();
    if (other && scrollY > 0) from_top();
  }
  function from_top() {  // scrolls to the beginning of another view
    const first = [$("event"), $("payer"), $("view")].find((one) => !one.hidden);
    if (first.getBoundingClientRect().top < $("head").getBoundingClientRect().bottom) first.scrollIntoView();
  }
  function waiting(box, on) {
    box.setAttribute("aria-busy", String(on));
    clock(box, on);
  }
  function moved_event() {  // selects the hazard that was changed last
    const id = ids().findLast((one) => /^(hazard|length)\./.test(one));
    if (!id || $("hazard").dataset.chosen) return;
    const name = id.slice(id.indexOf(".") + 1), options = [...$("hazard").options];
    const option = options.find((one) => one.value === name || one.value.startsWith(`${name}.`));
    if (option) $("hazard").value = option.value;
    const lasts = rows().find((row) => row.dataset.id === `length.${name}`);
    // For a hazard with several profiles the control states the mean length.
    $("years").value = lasts && moves(lasts) && option?.value === name ? entry(lasts).value : shown(2);
  }
  function bare() {
    const made = new URLSearchParams({ scenario });
    if (variant) made.append("variant", variant);
    return made.toString();
  }
  for (const one of document.querySelectorAll(".views [data-view]")) {
    one.addEventListener("click", () => {
      const there = address();
      there.set("view", one.dataset.view);
      history.replaceState(history.state, "", `?${there}`);
      view();
      from_top();
    });
  }
  set($("years"), 2);
  const said = {
    company: () => ["funder", $("funder").value],
    stress: () => {
      if (!fits($("years"))) return null;
      const year = Number($("years").dataset.periods), lasts = Math.max(1, Math.round(parsed($("years").value) * year));
      return ["event", `${$("hazard").value} ${$("year").value} for ${lasts * 12 / year} months`];
    },
  };
  for (const [name, form] of [["stress", $("event")], ["company", $("payer")]]) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const now = said[name]();
      if (!now) return void $("years").reportValidity();
      submitted[name] = now;
      view();
    });
    form.addEventListener("input", () => {
      if (name === "stress") $("hazard").dataset.chosen = "1";
      const other = submitted[name] && String(said[name]()) !== String(submitted[name]);
      $("view").dataset.old = other ? words.other : words.old;
      $("view").classList.toggle("old", other || !current());
    });
  }

  // The part that stays visible while scrolling: the figures without notes, and the buttons of views.
  const head = $("head");
  new IntersectionObserver((entries) => {
    const top = entries.at(-1), small = !top.isIntersecting && getComputedStyle(head).position === "sticky";
    if (small === head.classList.contains("small")) return;
    const whole = head.offsetHeight;
    head.classList.toggle("small", small);
    if (small) document.documentElement.style.scrollPaddingTop = `${head.offsetHeight + 8}px`;
    head.style.marginBottom = small ? `${whole - head.offsetHeight}px` : "";  // so that nothing moves
  }).observe($("top"));
  const fit = () => {  // the end of the controls is reachable at any scroll position
    const above = Math.max(0, controls.parentElement.getBoundingClientRect().top);
    controls.style.setProperty("--above", `${Math.round(above)}px`);
  };
  for (const kind of ["scroll", "resize"]) addEventListener(kind, fit, { passive: true });
  fit();

  // Tooltips of shapes in charts: under the pointer, or by arrow keys if the chart has the focus.
  const tip = Object.assign(document.createElement("p"), { className: "tip", hidden: true });
  document.body.append(tip);
  function showTooltip(shape) {
    document.querySelector(".pointed")?.classList.remove("pointed");
    tip.hidden = !shape;
    if (!shape) return;
    if (chart({ target: shape })) shape.classList.add("pointed");
    tip.textContent = shape.dataset.tooltip;
    const at = shape.getBoundingClientRect(), start = shape.tagName === "LABEL" ? at.left : at.left + at.width / 2;
    tip.style.left = `${Math.max(4, Math.min(start, innerWidth - tip.offsetWidth - 8))}px`;
    const above = at.top - tip.offsetHeight - 6, below = (shape.closest(".control") ?? shape).getBoundingClientRect().bottom + 6;
    tip.style.top = `${above < 4 ? below : above}px`;
  }
  const rests = (event) => event.target.closest?.(".control")?.querySelector("label[data-tooltip]");
  controls.addEventListener("pointerover", (event) => showTooltip(event.target.closest("label[data-tooltip]")));
  controls.addEventListener("focusin", (event) => showTooltip(rests(event)));
  for (const kind of ["focusout", "input", "pointerleave"]) controls.addEventListener(kind, () => showTooltip(null));
  controls.addEventListener("keydown", (event) => { if (["Escape", "Enter"].includes(event.key)) showTooltip(null); });
  controls.addEventListener("scroll", () => showTooltip(null), { passive: true });
  const chart = (event) => event.target.closest?.("figure svg");
  $("view").addEventListener("pointerover", (event) => showTooltip(event.target.closest("[data-tooltip]")));
  $("view").addEventListener("focusout", () => showTooltip(null));
  addEventListener("scroll", () => showTooltip(null), { passive: true });
  $("view").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") showTooltip(null);
    if (!chart(event) || !step) return;
    event.preventDefault();
    const shapes = [...chart(event).querySelectorAll("[data-tooltip]")];
    const here = shapes.findIndex((shape) => shape.classList.contains("pointed"));
    showTooltip(shapes[here < 0 ? 0 : (here + step + shapes.length) % shapes.length]);
    $("status").textContent = tip.textContent;
  });
  function reachable() {  // makes charts reachable by keyboard
    for (const box of $("view").querySelectorAll(".drawing")) box.setAttribute("tabindex", "0");
    for (const svg of $("view").querySelectorAll("figure svg")) {
      if (!svg.querySelector("[data-tooltip]")) continue;
      svg.setAttribute("tabindex", "0");
      svg.setAttribute("aria-description", words.walk);
    }
  }

  // Kept options.
  function pinned() {
    const here = address();
    here.delete("pin");
    for (const one of pins) here.append("pin", one);
    history.replaceState(history.state, "", `?${here}`);
    $("no-pins").hidden = pins.length > 0;
    $("pins").replaceChildren(...pins.map((one, n) => {
      const item = document.createElement("li"), link = document.createElement("a"), gone = document.createElement("button");
      const there = new URLSearchParams(one);
      const said = there.getAll("set").map(said_of);
      const option = [...($("variant")?.options ?? [])].find((each) => each.value === (there.get("variant") ?? ""));
      link.textContent = `${n + 1}: ${[option?.textContent, ...said].filter(Boolean).join("; ") || words.first}`;
      for (const pin of pins) there.append("pin", pin);
      link.href = `?${there}`;
      link.addEventListener("click", (event) => {
        const made = new URLSearchParams(there), seen = address().get("view");
        if (seen) made.append("view", seen);
        link.href = `?${made}`;
        if (event.ctrlKey || event.metaKey || event.shiftKey || !restored(there)) return;
        event.preventDefault();
        go(new URLSearchParams(one));
      });
      gone.type = "button";
      gone.textContent = words.remove;
      gone.setAttribute("aria-label", `${words.remove} ${link.textContent}`);
      gone.addEventListener("click", () => {
        pins = pins.filter((_, m) => m !== n);
        pinned();
        if (named() === "board") view();
      });
      item.append(link, " ", gone);
      return item;
    }));
  }
  function said_of(text) {
    const [id, raw] = split(text), row = rows().find((one) => one.dataset.id === id);
    if (!row) return text;
    const input = entry(row);
    if (input.tagName === "SELECT") {
      return `${row.dataset.name}: ${[...input.options].find((one) => one.value === raw)?.textContent ?? raw}`;
    }
    // Thousands are separated by a no-break space, as in all other output.
    const figure = (Number(raw) * Number(row.dataset.scale)).toLocaleString(document.documentElement.lang, { maximumSignificantDigits: 6 }).replaceAll(german ? "." : ",", "\u00a0");
    return `${row.dataset.name} ${figure} ${input.parentElement.textContent.trim()}`;
  }
  $("pin").addEventListener("click", () => {
    if (answered && !pins.includes(answered)) pins = [...pins, answered];
    pinned();
    say(words.kept);
    if (named() === "board") view();
  });

  // Changes of controls.
  const settle = (wait) => {
    clearTimeout(timer);
    // A field that is left unchanged does not mark the answer as stale.
    if (!document.body.classList.contains("stale") && query(ids()).toString() === question()) return;
    clearTimeout(drawing);
    stale();
    timer = setTimeout(() => go(query(ids())), wait);
  };
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("input", (event) => {
    const row = event.target.closest(".control");
    if (!row) return;
    if (event.target.classList.contains("number") && !fits(event.target)) return;
    if (event.target.type === "range") {
      const step = Number(row.dataset.step) * Number(row.dataset.scale), start = Number(base(row)) * Number(row.dataset.scale);
      const stepped = Math.round(Number(event.target.value) / step) * step;
      // A slider stops at the value in the file, even if that is between two of its steps.
      const near = Math.abs(Number(event.target.value) - start) < 0.6 * step;
      set(entry(row), near ? start : stepped);
    } else if (event.target.classList.contains("number")) {
      const number = parsed(event.target.value);
      slider(row).max = Math.max(Number(slider(row).max), number);
      slider(row).value = number;
    }
    keep(row, !factor(row) && multiplied());
    settle(600);
  });
  controls.addEventListener("change", (event) => {
    if (event.target.closest(".control") && event.target.reportValidity()) settle(0);
  });
  controls.addEventListener("click", (event) => {
    const row = event.target.closest(".reset")?.closest(".control");
    if (!row) return;
    put(row);
    entry(row).focus();
    settle(0);
  });
  $("clear").addEventListener("click", () => {
    for (const row of rows()) if (moves(row)) put(row);
    go(new URLSearchParams(bare()));
  });
  $("stop").addEventListener("click", () => {
    halted = number;
    post("stop", { tab: own });
  });
  $("again").addEventListener("click", ask);
  $("variant")?.addEventListener("change", () => {
    const made = new URLSearchParams({ scenario });
    if ($("variant").value) made.append("variant", $("variant").value);
    const there = address();
    for (const name of ["set", "view", "pin"]) for (const one of there.getAll(name)) made.append(name, one);
    location.assign(`?${made}`);
  });

  function restored(there) {  // sets the controls as in an address; false if the address has others
    const said = new Map(there.getAll("set").map(split));
    const known = new Set(rows().map((row) => row.dataset.id));
    if ((there.get("variant") ?? "") !== variant || [...said.keys()].some((id) => !known.has(id))) return false;
    for (const row of rows()) put(row, said.get(row.dataset.id));
    return true;
  }

  // Undo and redo.
  $("undo").disabled = place === 0;
  $("redo").disabled = true;
  $("undo").addEventListener("click", () => history.back());
  $("redo").addEventListener("click", () => history.forward());
  addEventListener("popstate", () => {
    if (location.search === asked) return;  // only the fragment of the address has changed
    if (!restored(address())) {
      location.reload();
      return;
    }
    const now = history.state?.place ?? 0;
    $("redo").disabled = now >= place;
    $("undo").disabled = now === 0;
    pinned();
    ask();
  });

  // Search for any other figure.
  let looking = 0;
  $("search").addEventListener("input", () => {
    clearTimeout(looking);
    looking = setTimeout(async () => {
      const wanted = $("search").value, made = new URLSearchParams({ of: query(ids()).toString(), q: wanted });
      const answer = await fetch(`${root}figures?${made}`).catch(() => null);
      const html = answer?.ok ? await answer.text() : `<p class="note">${words.failed}</p>`;
      if ($("search").value !== wanted) return;
      // Changed figures stay below the new search results.
      for (const row of $("found").querySelectorAll(".control.moved")) $("found").after(row);
      $("found").innerHTML = html;
      for (const row of $("found").querySelectorAll(".control")) {
        if (entry(row).tagName !== "SELECT") set(entry(row), Number(entry(row).dataset.value));
        if (rows().some((one) => one !== row && one.dataset.id === row.dataset.id)) row.remove();
      }
    }, 300);
  });
  $("found").addEventListener("click", (event) => {
    const row = rows().find((one) => one.dataset.id === event.target.closest("[data-goto]")?.dataset.goto);
    for (let at = row; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    if (row) entry(row).focus();
  });

  $("save")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await post("save", { query: query(ids()).toString(), id: $("name").value }).catch(() => null);
    $("saved").textContent = answer?.said.text ?? words.failed;
    if (answer?.ok) ask();  // the file has changed
  });

  for (const row of rows()) {
    if (entry(row).tagName !== "SELECT") set(entry(row), Number(entry(row).dataset.value));
    keep(row, ids().includes(row.dataset.id));
  }
  pinned();
  view();
  ask();
}
