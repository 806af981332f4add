// Subcommands and roles; nothing else.
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "gateway/admin.hpp"
#include "gateway/app.hpp"
#include "gateway/settings.hpp"
#include "platform/pg/pool.hpp"
#include "simulator/simulate.hpp"

namespace {

using pulse::Config;

constexpr const char* usage =
    R"(usage: pulse COMMAND [--config FILE] [--roles LIST] [--set NAME=VALUE]...
  serve      run the roles (default: gateway,mqtt,ingest,evaluator,notifier,delivery,ops)
  migrate    apply the database's migrations
  simulate   a fleet of devices over real HTTP and MQTT (pulse simulate --help)
  admin      tenants, users, devices (pulse admin --help)
  openapi    print the OpenAPI document
  config     print the effective configuration, secrets masked
  doctor     check configuration and dependencies
  version    print the version
)";

struct Arguments {
  std::string file;
  std::map<std::string, std::string> settings;
  std::vector<std::string> rest;
};

/// Takes the flags that every command has; the rest is the command's.
Arguments parse(const std::vector<std::string>& args) {
  Arguments out;
  const auto value = [&](std::size_t& i) -> std::string {
    if (i + 1 >= args.size()) throw pulse::ConfigError(args[i] + " needs a value");
    return args[++i];
  };
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--config") {
      out.file = value(i);
    } else if (args[i] == "--roles") {
      out.settings["PULSE_ROLES"] = value(i);
    } else if (args[i] == "--set") {
      const auto pair = value(i);
      const auto equals = pair.find('=');
      if (equals == std::string::npos) throw pulse::ConfigError("--set needs NAME=VALUE");
      out.settings[pair.substr(0, equals)] = pair.substr(equals + 1);
    } else {
      out.rest.push_back(args[i]);
    }
  }
  return out;
}

int print_config(const Config& config) {
  for (const auto& e : config.effective())
    std::cout << e.name << "=" << e.value << "  # " << e.source << ": " << e.help << '\n';
  return 0;
}

int migrate(const Config& config) {
  const auto applied =
      pulse::pg::migrate(pulse::gateway::conninfo(config), config.text("PULSE_MIGRATIONS_DIR"));
  for (const auto& name : applied) std::cout << "applied " << name << '\n';
  if (applied.empty()) std::cout << "nothing to apply\n";
  return 0;
}

bool wants_help(const std::vector<std::string>& args) {
  for (const auto& a : args)
    if (a == "--help" || a == "-h") return true;
  return false;
}

int run(const std::string& command, const std::vector<std::string>& args) {
  if (command == "simulate") {
    if (wants_help(args)) {
      std::cout << pulse::simulator::usage();
      return 0;
    }
    return pulse::simulator::run(pulse::simulator::parse_options(args));
  }
  if (command == "version") {
    std::cout << "pulse " << PULSE_VERSION << '\n';
    return 0;
  }
  if (command == "help" || command == "--help" || wants_help(args)) {
    std::cout << usage;
    if (command == "admin") std::cout << pulse::gateway::admin_usage();
    return 0;
  }
  const auto arguments = parse(args);
  const Config config(pulse::gateway::all_settings(), arguments.file, Config::environment(),
                      arguments.settings);
  if (command == "admin") return pulse::gateway::admin(config, arguments.rest);
  if (!arguments.rest.empty())
    throw std::invalid_argument("'" + arguments.rest[0] + "' is not known here");
  if (command == "config") return print_config(config);
  if (command == "openapi") return pulse::gateway::print_openapi(config, PULSE_VERSION);
  if (command == "migrate") return migrate(config);
  pulse::gateway::check_settings(config);
  if (command == "serve") return pulse::gateway::serve(config, PULSE_VERSION);
  if (command == "doctor") return pulse::gateway::doctor(config);
  std::cerr << usage;
  throw std::invalid_argument("'" + command + "' is no command");
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> args(argv + 1, argv + argc);
  if (args.empty()) {
    std::cerr << usage;
    return 2;
  }
  const auto command = args.front();
  args.erase(args.begin());
  try {
    return run(command, args);
  } catch (const pulse::ConfigError& e) {
    std::cerr << "pulse: configuration: " << e.what() << '\n';
    return 2;
  } catch (const std::invalid_argument& e) {
    std::cerr << "pulse " << command << ": " << e.what() << '\n';
    return 2;
  } catch (const std::exception& e) {
    std::cerr << "pulse " << command << ": " << e.what() << '\n';
    return 1;
  }
}
