#include "gateway/admin.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "fleet/demo.hpp"
#include "gateway/gateway_loop.hpp"
#include "gateway/settings.hpp"
#include "identity/store.hpp"
#include "platform/errors.hpp"
#include "platform/json/write.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "tenancy/membership.hpp"

namespace pulse::gateway {

namespace {

using Flags = std::map<std::string, std::string>;

Flags flags_of(const std::vector<std::string>& args, const std::vector<std::string>& known) {
  Flags out;
  for (std::size_t i = 0; i < args.size(); ++i) {
    auto name = args[i];
    std::string value;
    if (const auto equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    } else if (i + 1 < args.size()) {
      value = args[++i];
    } else {
      throw std::invalid_argument(name + " needs a value");
    }
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw std::invalid_argument(name + " is not known here");
    out[name] = value;
  }
  return out;
}

std::string needed(const Flags& flags, const std::string& name) {
  const auto it = flags.find(name);
  if (it == flags.end() || it->second.empty()) throw std::invalid_argument(name + " is needed");
  return it->second;
}

std::string or_else(const Flags& flags, const std::string& name, std::string otherwise) {
  const auto it = flags.find(name);
  return it == flags.end() ? std::move(otherwise) : it->second;
}

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
    out.push_back({text("tenant_id"), text("device_id"), text("site_id"), text("token"),
                   text("template")});
  }
  return out;
}

std::string device_json(const fleet::DemoDevice& d) {
  return json::to_text(boost::json::object{{"tenant_id", d.tenant_id},
                                           {"device_id", d.device_id},
                                           {"site_id", d.site_id},
                                           {"token", d.token},
                                           {"template", d.template_}});
}

/// Written beside and moved into place, readable by its owner only: it holds secrets.
void write_tokens(const std::string& file, const std::vector<fleet::DemoDevice>& devices) {
  const auto beside = file + ".new";
  {
    std::ofstream out(beside, std::ios::trunc);
    std::filesystem::permissions(beside, std::filesystem::perms::owner_read |
                                             std::filesystem::perms::owner_write);
    for (const auto& d : devices) out << device_json(d) << '\n';
    if (!out) throw std::invalid_argument("--tokens-file: can't write " + file);
  }
  std::filesystem::rename(beside, file);
}

identity::NewUser demo_user(std::string name, std::string first, std::string last,
                            std::vector<std::string> roles, std::string tenant) {
  identity::NewUser u;
  u.username = name;
  u.email = name + "@demo.example";
  u.first_name = std::move(first);
  u.last_name = std::move(last);
  u.password = "pulse-demo-1";
  u.roles = std::move(roles);
  u.tenant_id = std::move(tenant);
  return u;
}

Task<> seed(pg::Pool& pool, Flags flags) {
  const auto file = needed(flags, "--tokens-file");
  fleet::DemoOptions options;
  options.devices = std::stoi(or_else(flags, "--devices", "25"));
  if (options.devices < 1 || options.devices > 200'000)
    throw std::invalid_argument("--devices must be 1 to 200000");
  options.known = read_tokens(file);
  const auto devices = co_await fleet::seed_demo(pool, options);
  write_tokens(file, devices);
  std::vector<identity::NewUser> users;
  users.push_back(demo_user("customer1", "Cora", "Customer", {"customer"}, "demo"));
  users.push_back(demo_user("tenantadmin1", "Tara", "Admin", {"customer", "tenant-admin"}, "demo"));
  users.push_back(demo_user("operator1", "Oli", "Operator", {"operator"}, ""));
  users.push_back(demo_user("operatoradmin1", "Ada", "Operator", {"operator", "operator-admin"}, ""));
  for (auto& user : users) {
    const auto known = co_await identity::find_user(pool, user.username);
    std::string id;
    if (known) id = known->id;
    else id = co_await identity::ensure_user(pool, user);
    const std::string role = "Full Admin";
    if (user.username == "customer1")
      co_await tenancy::give_system_role(pool, user.tenant_id, id, role);
  }
  std::cout << "tenant demo, " << devices.size() << " devices, " << users.size() << " users\n";
}

Task<> make_tenant(pg::Pool& pool, Flags flags) {
  const auto id = needed(flags, "--id");
  const bool made = co_await fleet::create_tenant(pool, id, or_else(flags, "--name", id));
  if (!made) throw std::invalid_argument("--id: tenant " + id + " exists already");
  std::cout << "tenant " << id << " created\n";
}

Task<> make_user(pg::Pool& pool, Flags flags) {
  identity::NewUser u;
  u.username = needed(flags, "--username");
  u.password = needed(flags, "--password");
  u.email = or_else(flags, "--email", "");
  u.first_name = or_else(flags, "--first-name", "");
  u.last_name = or_else(flags, "--last-name", "");
  u.tenant_id = or_else(flags, "--tenant", "");
  u.roles = words(or_else(flags, "--role", "customer"));
  for (const auto& role : u.roles)
    if (role != "customer" && role != "tenant-admin" && role != "operator" &&
        role != "operator-admin")
      throw std::invalid_argument(
          "--role: known are customer, tenant-admin, operator, operator-admin");
  const auto id = co_await identity::ensure_user(pool, u);
  std::cout << "user " << u.username << " " << id << "\n";
}

Task<> make_device(pg::Pool& pool, Flags flags) {
  const auto device = co_await fleet::create_device_with_token(
      pool, needed(flags, "--tenant"), needed(flags, "--id"), or_else(flags, "--site", ""));
  std::cout << device_json(device) << '\n';
}

struct Command {
  const char *name, *help;
  std::vector<std::string> flags;
  Task<> (*run)(pg::Pool&, Flags);
};

const std::vector<Command>& commands() {
  static const std::vector<Command> list{
      {"seed-demo", "--tokens-file FILE [--devices N]", {"--tokens-file", "--devices"}, seed},
      {"create-tenant", "--id ID [--name NAME]", {"--id", "--name"}, make_tenant},
      {"create-user",
       "--username U --password P [--email E] [--first-name F] [--last-name L] [--tenant T] "
       "[--role R,...]",
       {"--username", "--password", "--email", "--first-name", "--last-name", "--tenant", "--role"},
       make_user},
      {"create-device", "--tenant T --id ID [--site S]", {"--tenant", "--id", "--site"},
       make_device}};
  return list;
}

}  // namespace

std::string admin_usage() {
  std::string out;
  for (const auto& c : commands()) out += "  pulse admin " + std::string(c.name) + " " + c.help + "\n";
  return out;
}

int admin(const Config& config, const std::vector<std::string>& args) {
  log::configure(config.text("LOG_LEVEL"), "pulse");
  if (args.empty()) throw std::invalid_argument("a command is needed:\n" + admin_usage());
  for (const auto& c : commands()) {
    if (args[0] != c.name) continue;
    const auto flags = flags_of({args.begin() + 1, args.end()}, c.flags);
    Loop loop("admin");
    pg::Pool pool(loop.io().get_executor(), pool_options(config, "pulse-admin"));
    loop.start();
    run_and_wait(loop, c.run(pool, flags));
    pool.close();
    loop.stop();
    return 0;
  }
  throw std::invalid_argument("'" + args[0] + "' is no admin command:\n" + admin_usage());
}

}  // namespace pulse::gateway
