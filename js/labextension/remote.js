// SPDX-License-Identifier: BSD-3-Clause
// What JupyterLab and Notebook 7 load: a container of module federation, small enough to be written
// by hand, so that esbuild can bundle it.

import { RANK, rendererFactory } from "../output.js";

// In a lab that labkit opens (notebooks/lab/labconfig/page_config.json) names of lessons are not cut:
// the file browser begins with this width, by itself 250px.
const told = document.getElementById("jupyter-config-data")?.textContent;
if (told && JSON.parse(told).labkitOpened) {
  const wide = document.createElement("style");
  wide.textContent = "html:root { --jp-sidebar-min-width: 275px; }";
  document.head.append(wide);
}

let shared = {};

async function load(name) {
  const versions = Object.values(shared[name]);
  const version = versions.find((entry) => entry.loaded) ?? versions[0];
  return (await version.get())();
}

const modules = {
  "./mimeExtension": async () => {
    return {
      __esModule: true,
      default: {
        id: "labkit:views",
        description: "Live views of labkit, and in their place, once their kernel is gone, pictures.",
        rendererFactory: rendererFactory(await load("@lumino/widgets")),
        rank: RANK,
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
