// Everything that can be done to a run, as a menu.
import { Menu } from "@base-ui/react/menu";
import { Fragment, type ReactNode } from "react";
import type { RunSummary } from "../../contract/handlers.ts";
import { runActions } from "../state/runActions.ts";

export function RunMenu({ run, label, className, tabIndex, children }: { run: RunSummary; label: string; className: string; tabIndex?: number; children: ReactNode }) {
  return (
    <Menu.Root>
      <Menu.Trigger className={className} tabIndex={tabIndex} aria-label={label} title={label}>{children}</Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className="menu-place" sideOffset={4} align="end">
          <Menu.Popup className="menu">
            {runActions(run).map((action, index, all) => (
              <Fragment key={action.id}>
                {index > 0 && all[index - 1]!.group !== action.group && <Menu.Separator className="menu-line" />}
                <Menu.Item className="menu-item" data-danger={action.danger} onClick={action.perform}>{action.label}</Menu.Item>
              </Fragment>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
