"use strict";
// A family of solved plans. The page shows solved points, and proven bounds between two of them.
(() => {
  const held = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  let language = document.documentElement.lang;
  const start = held.axes.map((axis) => axis.base);
  let at = read() ?? [...start];
  const said = () => held.said[language];
  const word = (key) => said().words[key];
  // Thousands are separated by a no-break space, as in all other output.
  const written = (value, how) => value.toLocaleString(language, how).replaceAll(language === "de" ? "." : ",", "\u00a0");
  const number = (value, roundingMode = "halfExpand") => value === null || value === undefined ? "-" : written(value, { roundingMode, ...(Math.abs(value) >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 }) });
  const share = (value, roundingMode = "halfExpand") => written(value, { style: "percent", maximumSignificantDigits: 2, roundingMode });
  // The label of the outcome at a point, damage or shortage, and its unit.
  const counted = (point, after = "") => word((point.measure === "damage" ? "damage" : "shortage") + after);
  const unit = (point) => word({ damage: "million", tonnes: "tonnes" }[point.measure] ?? "demand");
  const name = (kind, id) => said().names[kind][id] ?? id;

  function make(tag, about = {}, ...inside) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(about)) {
      if (key === "text") made.textContent = value;
      else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
    }
    made.append(...inside);
    return made;
  }
  // The state is in the fragment of the address, so that it can be sent with the file.
  function read() {
    const parts = location.hash.slice(1).split("_");
    if (parts.at(-1) in held.said) language = parts.pop();
    const said = parts.map(Number);
    const fits = said.length === held.axes.length && said.every((n, k) => n >= 0 && n < held.said.en.axes[k].names.length && (Number.isInteger(n) || (held.axes[k].way && Number.isInteger(2 * n))));
    return fits ? said : null;
  }
  const keep = () => history.replaceState(null, "", `#${at.join("_")}_${language}`);
  const key = (place) => place.join(".");

  function controls() {
    $("axes").replaceChildren(make("h2", { text: word("ask") }));
    held.axes.forEach((axis, k) => {
      const id = `axis-${k}`, { label, names } = said().axes[k], most = names.length - 1;
      let input;
      if (axis.id === "variant" || most > 12) {
        input = make("select", { id });
        names.forEach((text, n) => input.append(make("option", { value: n, text })));
      } else {
        // Half steps lie between two solved points. They exist only where bounds are proven.
        input = make("input", { id, type: "range", min: 0, max: most, step: axis.way ? 0.5 : 1, autocomplete: "off" });
      }
      input.value = at[k];
      input.addEventListener("input", () => {
        at[k] = Number(input.value);
        keep();
        show();
      });
      const output = make("output", { for: id, id: `${id}-value` });
      $("axes").append(make("div", { class: "axis" }, make("label", { for: id }, make("span", { text: label }), output), input));
    });
  }
  function marks() {
    held.axes.forEach((axis, k) => {
      const input = $(`axis-${k}`), low = Math.floor(at[k]), high = Math.ceil(at[k]);
      const { names } = said().axes[k], text = low === high ? names[low] : `${names[low]} … ${names[high]}`;
      input.value = at[k];
      $(`axis-${k}-value`).textContent = input.tagName === "SELECT" ? "" : text;
      if (input.type === "range") input.setAttribute("aria-valuetext", text);
      input.parentElement.classList.toggle("moved", at[k] !== axis.base);
    });
  }

  function facts(point, base) {
    const list = make("dl", { class: "facts live" });
    const add = (what, figure, ...beside) => list.append(make("div", {}, make("dt", { text: what }), make("dd", { class: "figure", text: figure }), ...beside.filter(Boolean).map((text) => make("dd", { text }))));
    const money = word("million");
    const before = (read, of = "") => (base ? `${word("base")}: ${number(read(base))} ${of}`.trim() : "");
    const paid = (of, some) => Object.entries(of.paid).filter(([f]) => held.public.includes(f) === some).flatMap(([, years]) => Object.values(years)).reduce((a, b) => a + b, 0);
    add(counted(point), `${number(point.expected)} ${unit(point)}`, point.without && `${number(point.without)} ${word("without")}; ${share(1 - point.expected / point.without)} ${word("avoided")}`, base && base.measure === point.measure && before((p) => p.expected));
    const like = base && base.level === point.level;  // means of different tails are not comparable
    add(`${word("tail")} ${share(1 - point.level)}`, `${number(point.tail)} ${unit(point)}`, like && before((p) => p.tail));
    add(word("cost"), `${number(point.cost)} ${money}`, word("discounted"), before((p) => p.cost));
    add(word("public"), `${number(paid(point, true))} ${money}`, `${word("others")}: ${number(paid(point, false))}`, before((p) => paid(p, true)));
    add(word("projects"), number(Object.keys(point.start).length), `${word("stocks")}: ${point.stock.length}`, before((p) => Object.keys(p.start).length));
    return list;
  }

  function table(caption, head, rows) {
    const made = make("table", {}, make("caption", { text: caption }));
    made.append(make("thead", {}, make("tr", {}, ...head.map((text, n) => make("th", { scope: "col", class: n ? "n" : null, text })))));
    made.append(make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((text, n) => make(n ? "td" : "th", n ? { class: "n", text } : { scope: "row", text }))))));
    return make("div", { class: "wide", role: "group", tabindex: 0, "aria-label": caption }, made);
  }
  function bars(rows, label, unit) {  // pairs of bars: without a plan, and with it
    const most = Math.max(...rows.map(([, a, b]) => Math.max(a, b)), 1e-9), tall = 24, wide = 640, left = 220;
    const svg = document.createElementNS(SVG, "svg");
    const draw = (tag, about, text = "") => {
      const made = document.createElementNS(SVG, tag);
      for (const [k, v] of Object.entries(about)) made.setAttribute(k, v);
      made.textContent = text;
      svg.append(made);
      return made;
    };
    svg.setAttribute("viewBox", `0 0 ${wide} ${tall * rows.length + 4}`);
    svg.setAttribute("class", "bars");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
    rows.forEach(([text, without, within], n) => {
      const y = n * tall + 3, long = (value) => (value / most) * (wide - left - 110);
      draw("text", { x: left - 6, y: y + 13, "text-anchor": "end" }, text.length > 34 ? `${text.slice(0, 33)}…` : text);
      draw("rect", { x: left, y, width: long(without), height: 17, fill: "#fff", stroke: "#1a1a1a", "stroke-width": 0.8 });
      draw("rect", { x: left, y: y + 4, width: long(within), height: 9, fill: "#0072b2" }).append(document.createElementNS(SVG, "title"));
      draw("text", { x: left + long(Math.max(without, within)) + 5, y: y + 13 }, `${number(without)} → ${number(within)}`);
    });
    return make("figure", {}, make("figcaption", { text: `${label} (${unit}), ${word("without")} → ${word("plan")}` }), make("div", { class: "drawing", tabindex: 0 }, svg));
  }

  function show() {
    marks();
    const point = held.points[key(at)], first = held.points[key(start)], has = (one) => one && "expected" in one;
    const base = has(first) && first !== point ? first : null;  // for comparison
    const whole = at.every(Number.isInteger);
    for (const id of ["money", "what", "exposure"]) $(id).parentElement.hidden = !whole || !has(point);
    if (!whole) return $("answer").replaceChildren(between());
    if (!has(point)) {
      return $("answer").replaceChildren(make("p", { class: "caution", text: word(point?.status === "infeasible" ? "infeasible" : "open") }));
    }
    const proof = `${word(point.status === "optimal" ? "proven" : "limit")} ${point.gap === null ? "?" : share(point.gap < 1e-9 ? 0 : point.gap, "ceil")}.`;
    $("answer").replaceChildren(facts(point, base), make("p", { class: "proof", text: proof }));
    const funders = Object.keys(point.paid).filter((f) => Object.keys(point.paid[f]).length);
    const years = held.years.filter((year) => funders.some((f) => point.paid[f][year]));
    const total = (f) => Object.values(point.paid[f]).reduce((a, b) => a + b, 0);
    const rows = funders.map((f) => [name("funders", f), ...years.map((year) => number(point.paid[f][year] ?? 0)), number(total(f))]);
    rows.push([word("sum"), ...years.map((year) => number(funders.reduce((a, f) => a + (point.paid[f][year] ?? 0), 0))), number(funders.reduce((a, f) => a + total(f), 0))]);
    $("money").replaceChildren(table(`${word("money")} (${word("million")})`, [word("payer"), ...years, word("sum")], rows));
    const ids = Object.keys(said().names.projects).filter((id) => id in point.start || id in (base?.start ?? {}));
    const head = [word("project"), word("start"), ...(base ? [word("base")] : [])];
    $("what").replaceChildren(table(word("what"), head, ids.map((id) => [name("projects", id), point.start[id] ?? "-", ...(base ? [base.start[id] ?? "-"] : [])])),
      make("p", { text: `${word("stocks")}: ${point.stock.map((id) => name("materials", id)).join(", ") || word("none")}` }));
    const lost = Object.entries(point.materials).filter(([, [a, b]]) => Math.max(a, b) > 0).sort((a, b) => b[1][0] - a[1][0]).map(([id, [a, b]]) => [name("materials", id), a, b]);
    const caption = counted(point, "_by");
    $("exposure-title").textContent = caption;
    $("exposure").replaceChildren(bars(lost.slice(0, 20), caption, unit(point)), table(`${caption} (${unit(point)})`, [word("material"), word("without"), word("plan")], lost.map(([text, a, b]) => [text, number(a), number(b)])));
  }

  // The interval in which the objective lies between solved points: on each axis it only falls or
  // only rises, so it lies between the bound of one end and the plan of the other.
  function between() {
    const best = at.map((n, k) => (held.axes[k].way === "falls" ? Math.ceil(n) : Math.floor(n)));
    const worst = at.map((n, k) => (held.axes[k].way === "falls" ? Math.floor(n) : Math.ceil(n)));
    const low = held.points[key(best)], high = held.points[key(worst)];
    if (!low || low.bound === null || low.bound === undefined) return make("p", { class: "caution", text: word("unknown") });
    const most = high && "objective" in high ? `, ${word("most")} ${number(high.objective, "ceil")}` : "";
    const box = make("div", { class: "interval" }, make("p", { text: word("between") }), make("p", { class: "proof", text: `${word("least")} ${number(low.bound, "floor")}${most} ${unit(low)}` }));
    if (low.measure !== "damage" || !low.weights) return box;
    const [tail, cost] = low.weights, said = { mean: share(1 - tail), share: share(tail), worst: share(1 - low.level), weight: written(cost) };
    box.append(make("p", { class: "note", text: word(tail ? "objective_tail" : "objective").replace(/\{(\w+)\}/g, (_, key) => said[key]) }));
    return box;
  }

  function speak(chosen) {
    language = chosen;
    document.documentElement.lang = chosen;
    document.title = $("title").textContent = said().title;
    $("reset").textContent = word("reset");
    $("answer-title").textContent = word("answer");
    $("money-title").textContent = word("money");
    $("what-title").textContent = word("what");
    $("about").textContent = word("about");
    for (const one of document.querySelectorAll("[data-lang]")) one.setAttribute("aria-pressed", String(one.dataset.lang === chosen));
    controls();
    show();
  }
  for (const one of document.querySelectorAll("[data-lang]")) one.addEventListener("click", () => { speak(one.dataset.lang); keep(); });
  $("reset").addEventListener("click", () => { at = [...start]; keep(); show(); });
  addEventListener("hashchange", () => { at = read() ?? at; speak(language); });
  speak(language);
})();
