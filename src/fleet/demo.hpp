#pragma once
// The demo tenant: a small fleet that looks like a real one.
#include <string>
#include <vector>

#include "platform/pg/pool.hpp"

namespace pulse::fleet {

struct DemoDevice {
  std::string tenant_id, device_id, site_id, token, template_;
};

struct DemoOptions {
  std::string tenant_id = "demo", name = "Demo company";
  int devices = 25;
  /// Tokens that earlier runs gave out, by device: kept when they are still live.
  std::vector<DemoDevice> known;
};

/// Makes the tenant, its three sites, its devices of several kinds, and a live token for each;
/// again and again without harm. Returns all devices with their tokens.
Task<std::vector<DemoDevice>> seed_demo(pg::Pool& pool, DemoOptions options);

/// Makes a tenant; false when the id is taken. Throws std::invalid_argument for an id that is not
/// [A-Za-z0-9_-]{1,128}: it stands in topics and subjects.
Task<bool> create_tenant(pg::Pool& pool, std::string tenant_id, std::string name);

/// Makes a device with a token at the command line. Throws HttpError as the API does.
Task<DemoDevice> create_device_with_token(pg::Pool& pool, std::string tenant_id,
                                          std::string device_id, std::string site_id);

}  // namespace pulse::fleet
