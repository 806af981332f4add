/** Kinds of device templates, in words. */
export const categories: Record<string, string> = {
  standalone_sensor: 'Standalone sensor',
  edge_device: 'Edge device',
  gateway: 'Gateway',
  controller: 'Controller',
  expansion_module: 'Expansion module',
};
