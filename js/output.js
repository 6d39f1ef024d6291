// SPDX-License-Identifier: BSD-3-Clause
// An output that is a live view while its kernel feeds it, and else the picture beside it.

export const VIEW_TYPE = "application/vnd.labkit.view+json";
export const WIDGET_TYPE = "application/vnd.jupyter.widget-view+json";
export const RANK = -100; // before the view of ipywidgets, which stands in an output too
const LOOK_MS = 250;
const MOST_LOOKS = 240; // a minute: long enough for a page to find its kernel again

/** What Jupyter asks for outputs of views. Lumino is the page's, for widgets of two do not mix. */
export function rendererFactory(Lumino) {
  const Output = outputClass(Lumino);
  return {
    safe: false, // of notebooks that are not trusted Jupyter shows the picture by itself
    mimeTypes: [VIEW_TYPE],
    createRenderer: (options) => new Output(options),
  };
}

function outputClass({ Panel }) {
  return class Output extends Panel {
    constructor() {
      super();
      this.addClass("jp-labkit-output");
      this.view = null; // what ipywidgets shows, if it can
      this.picture = null;
      this.node.addEventListener("labkit-live", () => this.choose());
    }

    async renderModel(model) {
      const before = this.model?.data[VIEW_TYPE].model_id;
      this.model = model;
      leaveOutWidget(model);
      if (this.registry) await this.fill(before);
    }

    onAfterAttach(message) {
      super.onAfterAttach(message);
      if (this.registry) return;
      this.registry = registryAround(this);
      this.fill(null);
    }

    dispose() {
      clearTimeout(this.timer);
      this.changes?.disconnect();
      super.dispose();
    }

    // Within

    async fill(before) {
      const { model_id } = this.model.data[VIEW_TYPE];
      if (model_id !== before) {
        this.looks = 0;
        this.lookForView(model_id);
      }
      await this.draw();
      this.choose();
    }

    /** Whether the view has heard of its kernel: one that was saved with the notebook never does. */
    get isLive() {
      return this.view?.node.querySelector(".lk-view[data-live]") != null;
    }

    choose() {
      if (this.isDisposed) return;
      this.view?.setHidden(!this.isLive);
      this.picture?.setHidden(this.isLive);
    }

    /** Has ipywidgets show the view: again once it knows the notebook's kernel. */
    lookForView(model_id) {
      clearTimeout(this.timer);
      if (this.isDisposed || this.isLive) return;
      const factory = this.registry.getFactory(WIDGET_TYPE);
      if (factory && factory !== this.factory) {
        this.factory = factory;
        this.changes?.disconnect();
        this.view?.dispose();
        this.view = this.registry.createRenderer(WIDGET_TYPE);
        this.view.hide();
        this.addWidget(this.view);
        this.changes = new MutationObserver(() => this.choose());
        this.changes.observe(this.view.node, { childList: true, subtree: true });
        const data = { [WIDGET_TYPE]: { version_major: 2, version_minor: 0, model_id } };
        this.view.renderModel({ data, metadata: {}, trusted: this.model.trusted, setData() {} });
      }
      if (this.looks++ < MOST_LOOKS) this.timer = setTimeout(() => this.lookForView(model_id), LOOK_MS);
    }

    /** The best of the other forms of the output, as Jupyter shows it. */
    async draw() {
      const data = { ...this.model.data };
      delete data[VIEW_TYPE];
      delete data[WIDGET_TYPE];
      const type = this.registry.preferredMimeType(data, this.model.trusted ? "any" : "ensure");
      if (!type) return;
      const picture = this.registry.createRenderer(type);
      await picture.renderModel({ data, metadata: this.model.metadata, trusted: this.model.trusted, setData() {} });
      this.picture?.dispose();
      this.picture = picture;
      this.insertWidget(0, picture);
    }
  };
}

/** Leaves out of the notebook what would show an error once the kernel is gone. The kernel does so too,
 * once it has heard of this page, which takes until no cell runs. */
async function leaveOutWidget(model) {
  if (!(WIDGET_TYPE in model.data)) return;
  await null; // Jupyter has put this output in its place by then
  const { [WIDGET_TYPE]: _, ...data } = model.data;
  model.setData({ data });
}

/** The renderers of the notebook or console that a widget stands in. */
function registryAround(widget) {
  for (let above = widget.parent; above; above = above.parent) {
    if (above.rendermime) return above.rendermime;
  }
  throw new Error("labkit: an output outside of a notebook");
}
