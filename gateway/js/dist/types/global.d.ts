declare global {
    var Snorky: typeof import("./snorky.js").Snorky;
}
export {};
