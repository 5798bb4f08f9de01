import { app, Menu, type MenuItemConstructorOptions, shell } from "electron";

const DOCUMENTATION = "https://arxiv.org/abs/2101.03961";

/** The application menu: the standard roles, so that keys and words are those of the system. */
export function installMenu(): void {
  const template: MenuItemConstructorOptions[] = [
    { label: "&File", submenu: [{ role: "close" }, { type: "separator" }, { role: "quit", label: `Quit ${app.name}` }] },
    { role: "editMenu" },
    {
      label: "&View",
      submenu: [
        { role: "reload" }, { type: "separator" },
        { role: "resetZoom" }, { role: "zoomIn" }, { role: "zoomOut" }, { type: "separator" },
        { role: "togglefullscreen" }, { role: "toggleDevTools" },
      ],
    },
    { role: "windowMenu" },
    {
      role: "help",
      submenu: [
        { label: "The Switch Transformers paper", click: () => void shell.openExternal(DOCUMENTATION) },
        { type: "separator" },
        { role: "about" },
      ],
    },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
