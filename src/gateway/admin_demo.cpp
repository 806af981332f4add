// `pulse admin seed-demo`: the demo's tenant, devices and people; and devices from the command
// line.
#include <filesystem>
#include <fstream>

#include "fleet/demo.hpp"
#include "gateway/admin_commands.hpp"
#include "platform/json/write.hpp"
#include "tenancy/membership.hpp"

namespace pulse::gateway {

namespace {

std::vector<fleet::DemoDevice> read_tokens(const std::string& file) {
  std::vector<fleet::DemoDevice> out;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    boost::system::error_code ec;
    const auto json = boost::json::parse(line, ec);
    if (ec || !json.is_object()) continue;
    const auto text = [&](const char* name) {
      const auto* v = json.as_object().if_contains(name);
      return v && v->is_string() ? std::string(v->get_string()) : std::string();
    };
    out.push_back(
        {text("tenant_id"), text("device_id"), text("site_id"), text("token"), text("template")});
  }
  return out;
}

boost::json::object device_object(const fleet::DemoDevice& d) {
  boost::json::object out;
  out["tenant_id"] = d.tenant_id;
  out["device_id"] = d.device_id;
  out["site_id"] = d.site_id;
  out["token"] = d.token;
  out["template"] = d.template_;
  return out;
}

/// Written beside and moved into place, readable by its owner only: it holds secrets.
void write_tokens(const std::string& file, const std::vector<fleet::DemoDevice>& devices) {
  const auto beside = file + ".new";
  {
    std::ofstream out(beside, std::ios::trunc);
    std::filesystem::permissions(
        beside, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    for (const auto& d : devices) out << json::to_text(device_object(d)) << '\n';
    if (!out) throw std::invalid_argument("--tokens-file: can't write " + file);
  }
  std::filesystem::rename(beside, file);
}

Person demo_person(std::string name, std::string first, std::string last,
                   std::vector<std::string> roles, std::string tenant) {
  Person p;
  p.username = name;
  p.email = name + "@demo.example";
  p.first_name = std::move(first);
  p.last_name = std::move(last);
  p.password = "pulse-demo-1";
  p.roles = std::move(roles);
  p.tenant_id = std::move(tenant);
  return p;
}

}  // namespace

Task<boost::json::object> seed_demo(AdminContext context, Flags flags) {
  const auto file = needed(flags, "--tokens-file");
  fleet::DemoOptions options;
  options.devices = std::stoi(or_else(flags, "--devices", "25"));
  if (options.devices < 1 || options.devices > 200'000)
    throw std::invalid_argument("--devices must be 1 to 200000");
  options.known = read_tokens(file);
  const auto devices = co_await fleet::seed_demo(*context.pool, options);
  write_tokens(file, devices);
  co_await context.directory->ensure_organization(options.tenant_id, options.name);
  std::vector<Person> people;
  people.push_back(demo_person("customer1", "Cora", "Customer", {"customer"}, "demo"));
  people.push_back(
      demo_person("tenantadmin1", "Tara", "Admin", {"customer", "tenant-admin"}, "demo"));
  people.push_back(demo_person("operator1", "Oli", "Operator", {"operator"}, ""));
  people.push_back(
      demo_person("operatoradmin1", "Ada", "Operator", {"operator", "operator-admin"}, ""));
  const std::string role = "Full Admin";
  for (const auto& person : people) {
    const auto known = co_await context.directory->user_of_name(person.username);
    std::string id;
    if (known)
      id = known->id;
    else
      id = (co_await ensure_person(context, person)).id;
    if (person.username == "customer1")
      co_await tenancy::give_system_role(*context.pool, person.tenant_id, id, role);
  }
  boost::json::object out;
  out["tenant"] = options.tenant_id;
  out["devices"] = devices.size();
  out["users"] = people.size();
  co_return out;
}

Task<boost::json::object> create_device(AdminContext context, Flags flags) {
  const auto device =
      co_await fleet::create_device_with_token(*context.pool, needed(flags, "--tenant"),
                                               needed(flags, "--id"), or_else(flags, "--site", ""));
  co_return device_object(device);
}

}  // namespace pulse::gateway
