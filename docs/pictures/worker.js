// Search in a folder: pages that are opened as files may start no worker, so that the searching script runs
// in a frame that stands for one. Over a network the browser's own worker is taken.
if (location.protocol === "file:") {
  window.Worker = class {
    #frame = document.createElement("iframe");
    #loaded = new Promise((done) => {
      this.#frame.hidden = true;
      this.#frame.title = "search";
      this.begin = (url) => {
        document.body.append(this.#frame);
        const inside = this.#frame.contentWindow;
        inside.postMessage = (data) => setTimeout(() => this.onmessage?.({ data }));
        const script = inside.document.createElement("script");
        script.onload = done;
        script.src = url;
        inside.document.body.append(script);
      };
    });
    constructor(url) {
      this.begin(url);
    }
    postMessage(data) {
      this.#loaded.then(() => this.#frame.contentWindow.onmessage({ data }));
    }
    terminate() {
      this.#frame.remove();
    }
  };
}
