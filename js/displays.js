// SPDX-License-Identifier: BSD-3-Clause
// Where views stand in a notebook. labkit's extension has outputs that show the view or, without a
// kernel, its picture. A JupyterLab that does not find the extension, because its environment is not
// the kernel's, gets the same outputs from the first view of a notebook.

import { RANK, rendererFactory, VIEW_TYPE, WIDGET_TYPE } from "./output.js";

/** Makes outputs that hold a model's view ours, where that can be done; whether they are. */
export function takeOutputs({ widget_manager: manager }) {
  const registry = manager?.rendermime;
  if (!registry?.getFactory) return false; // no JupyterLab
  if (registry.getFactory(VIEW_TYPE)) return true;
  const notebook = manager.context?.model;
  const Panel = panelOf(registry);
  if (!notebook || !Panel) return false; // a console is not saved
  registry.addFactory(rendererFactory({ Panel }), RANK);
  for (let i = 0; i < notebook.cells.length; i += 1) {
    const { outputs } = notebook.cells.get(i);
    for (let place = 0; place < (outputs?.length ?? 0); place += 1) showAnew(manager, outputs, place);
  }
  return true;
}

/** The Panel of the page's Lumino: what ipywidgets shows views in is one. */
function panelOf(registry) {
  const shown = registry.createRenderer(WIDGET_TYPE);
  let kind = shown.constructor;
  while (kind && !Object.hasOwn(kind.prototype ?? {}, "addWidget")) kind = Object.getPrototypeOf(kind);
  shown.dispose();
  return kind;
}

/** Has an output of a view be drawn again, by ours. */
async function showAnew(manager, outputs, place) {
  const before = outputs.get(place);
  const view = before.data[VIEW_TYPE];
  if (!view) return;
  if (WIDGET_TYPE in before.data) await drawn(manager, view.model_id);
  if (outputs.get(place) === before) outputs.set(place, before.toJSON());
}

/** When ipywidgets has shown a model's views: those that lose their place before it has are left
 * behind, and nobody ends them. */
async function drawn(manager, model_id) {
  try {
    const model = await manager.get_model(model_id);
    await turn(); // of those who wait for the model to make a view of it
    await Promise.all(Object.values(model.views ?? {}));
    await turn(); // and to put it into the page
  } catch {
    // There is no such model any more.
  }
}

const turn = () => new Promise((go) => setTimeout(go));
