// SPDX-License-Identifier: BSD-3-Clause
// What JupyterLab and Notebook 7 load: a container of module federation, small enough to be written
// by hand, so that esbuild can bundle it. Lumino is theirs, for widgets of two Luminos do not mix.

import { outputClass, VIEW_TYPE } from "./output.js";

let shared = {};

async function load(name) {
  const versions = Object.values(shared[name]);
  const version = versions.find((entry) => entry.loaded) ?? versions[0];
  return (await version.get())();
}

const modules = {
  "./mimeExtension": async () => {
    // Kernels hear it from their views, and leave what only ipywidgets would show out of outputs.
    globalThis.labkitOutputs = true;
    const Output = outputClass(await load("@lumino/widgets"));
    return {
      __esModule: true,
      default: {
        id: "labkit:views",
        description: "Live views of labkit, and in their place, once their kernel is gone, pictures.",
        rendererFactory: {
          safe: false, // of notebooks that are not trusted Jupyter shows the picture by itself
          mimeTypes: [VIEW_TYPE],
          createRenderer: (options) => new Output(options),
        },
        rank: -100, // before the view of ipywidgets, which stands in an output too
        dataType: "json",
      },
    };
  },
};

globalThis._JUPYTERLAB ??= {};
globalThis._JUPYTERLAB.labkit = {
  init(scope) {
    shared = scope;
  },
  async get(name) {
    const module = await modules[name]();
    return () => module;
  },
};
