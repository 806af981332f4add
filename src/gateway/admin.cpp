#include "gateway/admin.hpp"

#include <iostream>

#include "gateway/admin_commands.hpp"
#include "gateway/gateway_loop.hpp"
#include "gateway/settings.hpp"
#include "platform/errors.hpp"
#include "platform/json/write.hpp"
#include "platform/log.hpp"

namespace pulse::gateway {

namespace {

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

struct Command {
  const char *name, *help;
  std::vector<std::string> flags;
  Task<boost::json::object> (*run)(AdminContext, Flags);
  bool always_json = false;  ///< what it answers goes into a file of such lines
};

const std::vector<Command>& commands() {
  static const std::vector<Command> list{
      {"create-tenant", "--id ID [--name NAME]", {"--id", "--name"}, create_tenant},
      {"list-tenants", "", {}, list_tenants},
      {"purge-tenants", "(removes deleted tenants whose time to undo is over)", {}, purge_tenants},
      {"create-user",
       "--username U --password P [--email E] [--first-name F] [--last-name L] [--tenant T] "
       "[--role R,...]",
       {"--username", "--password", "--email", "--first-name", "--last-name", "--tenant", "--role"},
       create_user},
      {"list-users", "[--tenant T] [--search S]", {"--tenant", "--search"}, list_users},
      {"invite",
       "--email E --tenant T [--role R,...]",
       {"--email", "--tenant", "--role"},
       invite_user},
      {"reset-password",
       "--username U [--password P] (without one, by email)",
       {"--username", "--password"},
       reset_password},
      {"grant",
       "--username U --role NAME (a role of the tenant, such as \"Full Admin\")",
       {"--username", "--role"},
       grant_role},
      {"create-device",
       "--tenant T --id ID [--site S]",
       {"--tenant", "--id", "--site"},
       create_device,
       true},
      {"seed-demo", "--tokens-file FILE [--devices N]", {"--tokens-file", "--devices"}, seed_demo}};
  return list;
}

/// "name value, name value", with lists below, an item a line.
std::string as_text(const boost::json::object& o) {
  std::string line, below;
  for (const auto& [name, value] : o) {
    if (value.is_array()) {
      for (const auto& item : value.get_array())
        below += "\n  " +
                 (item.is_object() ? as_text(item.get_object()) : std::string(json::to_text(item)));
      continue;
    }
    if (!line.empty()) line += ", ";
    line.append(name).append(" ");
    line += value.is_string() ? std::string(value.get_string()) : json::to_text(value);
  }
  return line + below;
}

Task<> run_command(const Command& command, AdminContext context, Flags flags, bool as_json) {
  const auto done = co_await command.run(std::move(context), std::move(flags));
  std::cout << (as_json || command.always_json ? json::to_text(done) : as_text(done)) << '\n';
}

}  // namespace

std::string needed(const Flags& flags, const std::string& name) {
  const auto it = flags.find(name);
  if (it == flags.end() || it->second.empty()) throw std::invalid_argument(name + " is needed");
  return it->second;
}

std::string or_else(const Flags& flags, const std::string& name, std::string otherwise) {
  const auto it = flags.find(name);
  return it == flags.end() ? std::move(otherwise) : it->second;
}

std::string admin_usage() {
  std::string out = "pulse admin COMMAND [--json]:\n";
  for (const auto& c : commands()) out += "  " + std::string(c.name) + " " + c.help + "\n";
  return out;
}

int admin(const Config& config, const std::vector<std::string>& args) {
  log::configure("error", "pulse");
  auto rest = args;
  const bool as_json = std::erase(rest, "--json") > 0;
  if (rest.empty()) throw std::invalid_argument("a command is needed:\n" + admin_usage());
  for (const auto& c : commands()) {
    if (rest[0] != c.name) continue;
    const auto flags = flags_of({rest.begin() + 1, rest.end()}, c.flags);
    Process process(config);
    process.base.start();
    AdminContext context;
    context.process = &process;
    context.pool = process.pool.get();
    context.directory = process.identity.directory(*process.pool, process.base.io().get_executor());
    try {
      run_and_wait(process.base, run_command(c, context, flags, as_json));
    } catch (const HttpError& e) {
      process.base.stop();
      throw std::invalid_argument(e.what());
    }
    process.nats.drain(1'000);
    process.base.stop();
    return 0;
  }
  throw std::invalid_argument("'" + rest[0] + "' is no admin command:\n" + admin_usage());
}

}  // namespace pulse::gateway
