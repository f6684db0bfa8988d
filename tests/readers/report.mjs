// Opens a report in headless Chromium, offline, light and dark, wide and narrow, and prints what it shows as JSON.
// node report.mjs PAGE [FOLDER FOR SCREENSHOTS]; node finds the browser's packages through the folder it runs in.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "package.json"));
const chromium = require("@sparticuz/chromium").default ?? require("@sparticuz/chromium");
const puppeteer = require("puppeteer-core");
const [page_path, pictures] = process.argv.slice(2);
const address = pathToFileURL(path.resolve(page_path)).href;

const browser = await puppeteer.launch({ executablePath: await chromium.executablePath(), args: chromium.args, headless: "shell" });
const complaints = [];
let found;
try {
  for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 390]]) {
    const page = await browser.newPage();
    await page.setOfflineMode(true);
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    page.on("console", (message) => complaints.push(`${scheme} ${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(`${scheme} error: ${error.message}`));
    page.on("request", (request) => {
      if (request.url() !== address) complaints.push(`${scheme} request: ${request.url()}`);
    });
    await page.goto(address, { waitUntil: "load" });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wide > 0) complaints.push(`${scheme} at ${width} px is ${wide} px wider than the window`);
    // Browsers repeat themselves in pictures of very long pages, so each section has its own.
    for (const section of pictures ? await page.$$("main > section") : []) {
      const id = await section.evaluate((node) => node.id);
      await section.screenshot({ path: path.join(pictures, `${scheme}-${width}-${id}.png`) });
    }
    const dim = await page.evaluate(contrast);
    complaints.push(...dim.map((text) => `${scheme} contrast: ${text}`));
    found = await page.evaluate(() => ({
      cells: [...document.querySelectorAll("table[data-table]")].flatMap((table) =>
        [...table.tBodies[0].rows].flatMap((row) => [...row.cells].map((cell) => ({
          table: table.dataset.table, key: row.dataset.key, column: cell.dataset.column,
          value: cell.dataset.value, shown: cell.textContent.trim(),
        })))),
      figures: [...document.querySelectorAll("figure[data-chart]")].map((figure) => ({
        id: figure.dataset.chart, label: figure.querySelector("svg[role=img]")?.getAttribute("aria-label") ?? null,
        marks: figure.querySelectorAll("svg[role=img] :is(circle, path, rect, line)").length,
        table: figure.querySelectorAll("details table tbody tr").length,
      })),
      charts: JSON.parse(document.getElementById("charts").textContent),
      sections: [...document.querySelectorAll("main > section")].map((section) => section.id),
    }));
    // By keyboard alone: the skip link comes first, and every folded table opens with Enter.
    await page.keyboard.press("Tab");
    const first = await page.evaluate(() => document.activeElement.className);
    if (first !== "skip") complaints.push(`${scheme}: the first stop of the keyboard is not the skip link`);
    const summary = await page.$("figure details summary");
    if (summary) {
      await summary.focus();
      await page.keyboard.press("Enter");
      if (!(await summary.evaluate((node) => node.parentElement.open))) complaints.push(`${scheme}: Enter opens no table`);
    }
    await page.close();
  }
  // On paper, the first scorecard is one page of A4 between margins of 10 mm.
  const paper = await browser.newPage();
  await paper.setViewport({ width: 718, height: 1047 });
  await paper.emulateMediaType("print");
  await paper.goto(address, { waitUntil: "load" });
  const tall = await paper.evaluate(() => document.querySelector(".card")?.getBoundingClientRect().height ?? 0);
  if (tall > 1047) complaints.push(`the first scorecard is ${tall} px tall on paper, a page 1047`);
  if (pictures) await paper.screenshot({ path: path.join(pictures, "paper.png") });
  await paper.close();
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify({ complaints, ...found }));

// Texts whose contrast with what is behind them is below 4.5, by the formula of WCAG 2.
function contrast() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = (color) => {
    const [r, g, b] = [...rgb(color)].slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (rgb(color)[3] === 255) return color;
    }
    return "white";
  };
  const dim = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || node.closest("script, style") || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const color = node.closest("svg") ? (style.fill === "none" ? style.color : style.fill) : style.color;
    const [a, b] = [light(color), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) dim.add(`${ratio.toFixed(2)} for ${color} on ${behind(node)}`);
  }
  return [...dim];
}
