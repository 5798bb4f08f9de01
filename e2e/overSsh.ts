// A product beside a real sshd on loopback, which its ssh configuration names.
import { SshServer, type SshServerOptions } from "../backend/fixtures/sshServer.ts";
import { Product, test as base } from "./product.ts";

export const overSsh = (options: SshServerOptions) => base.extend<{ server: SshServer; product: Product }>({
  // oxlint-disable-next-line no-empty-pattern
  server: async ({}, provide) => {
    const server = await SshServer.start(options);
    await provide(server);
    await server.end();
  },
  product: async ({ server }, provide) => {
    const product = new Product({ SWITCHYARD_SSH_CONFIG: server.configFile });
    await product.start();
    await provide(product);
    await product.end();
  },
});
