#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "bench.hpp"
#include "platform/clock.hpp"
#include "platform/json/write.hpp"

namespace pulse::bench {

Args::Args(int argc, char** argv) {
  for (int i = 0; i < argc; i += 2) {
    const std::string name = argv[i];
    if (!name.starts_with("--") || i + 1 == argc)
      throw std::invalid_argument(name + ": want --name value");
    values_[name.substr(2)] = argv[i + 1];
  }
}

std::string Args::text(const std::string& name, const std::string& otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : found->second;
}

std::int64_t Args::number(const std::string& name, std::int64_t otherwise) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return otherwise;
  char* end = nullptr;
  const auto value = std::strtoll(found->second.c_str(), &end, 10);
  if (*end || end == found->second.c_str())
    throw std::invalid_argument("--" + name + ": not a number");
  return value;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

Sql::Sql(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str())) {
  if (PQstatus(connection_) == CONNECTION_OK) return;
  const std::string what = PQerrorMessage(connection_);
  PQfinish(connection_);
  throw std::runtime_error(what);
}

Sql::~Sql() { PQfinish(connection_); }

Sql::ResultPtr Sql::run(const std::string& sql, const std::vector<std::string>& params) {
  std::vector<const char*> values;
  for (const auto& p : params) values.push_back(p.c_str());
  ResultPtr result(PQexecParams(connection_, sql.c_str(), static_cast<int>(params.size()), nullptr,
                                values.data(), nullptr, nullptr, 0),
                   PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_COPY_IN)
    throw std::runtime_error(PQerrorMessage(connection_));
  return result;
}

std::string Sql::value(const std::string& sql, const std::vector<std::string>& params) {
  const auto result = run(sql, params);
  return PQntuples(result.get()) == 0 ? "" : PQgetvalue(result.get(), 0, 0);
}

void Sql::copy(const std::string& statement, const std::string& rows) {
  run(statement);
  if (PQputCopyData(connection_, rows.data(), static_cast<int>(rows.size())) != 1 ||
      PQputCopyEnd(connection_, nullptr) != 1)
    throw std::runtime_error(PQerrorMessage(connection_));
  while (PGresult* result = PQgetResult(connection_)) {
    const bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    if (!good) throw std::runtime_error(PQerrorMessage(connection_));
  }
}

boost::json::object latencies(const simulator::Histogram& h) {
  const auto ms = [](std::int64_t us) { return static_cast<double>(us) / 1'000.0; };
  return {{"p50_ms", ms(h.quantile(0.5))},
          {"p90_ms", ms(h.quantile(0.9))},
          {"p99_ms", ms(h.quantile(0.99))},
          {"max_ms", ms(h.max())}};
}

std::string usual_payload(const simulator::Device& device, std::int64_t seq, std::int64_t ts_ms) {
  simulator::Sample sample;
  const auto wave = static_cast<double>(seq % 1'000);
  sample.metrics = {{"temperature", 21.5 + wave / 100},
                    {"humidity", 45.25 + wave / 50},
                    {"battery", static_cast<std::int64_t>(100 - seq % 90)},
                    {"door_open", seq % 7 == 0}};
  return simulator::payload_text(sample, device.site_id, seq, ts_ms);
}

std::string usual_envelope(const simulator::Device& device, std::int64_t seq, std::int64_t ts_ms,
                           const std::string& token_id) {
  const auto& t = device.tenant_id;
  const auto& d = device.device_id;
  std::string out =
      "{\"topic\":\"tenant/" + t + "/device/" + d + "/telemetry\",\"tenant_id\":\"" + t;
  out += "\",\"device_id\":\"" + d + "\",\"msg_type\":\"telemetry\",\"username\":\"" + t + "/" + d;
  out += "\",\"auth\":\"token:" + token_id + "\",\"ts\":" + std::to_string(ts_ms) + ",\"payload\":";
  return out + usual_payload(device, seq, ts_ms) + "}";
}

}  // namespace pulse::bench

namespace {

using namespace pulse::bench;

const std::map<std::string, Report (*)(const Args&)> tools{{"copy", bench_copy},
                                                           {"puback", bench_puback},
                                                           {"bare-worker", bench_bare_worker},
                                                           {"http", bench_http},
                                                           {"http-get", bench_http_get},
                                                           {"mqtt", bench_mqtt},
                                                           {"e2e", bench_e2e},
                                                           {"post-to-row", bench_post_to_row},
                                                           {"rules", bench_rules},
                                                           {"routes", bench_routes},
                                                           {"delivery", bench_delivery},
                                                           {"ws-memory", bench_websocket_memory},
                                                           {"mqtt-memory", bench_mqtt_memory}};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto tool = argc > 1 ? tools.find(argv[1]) : tools.end();
  if (tool == tools.end()) {
    std::fputs("usage: pulse_bench TOOL [--name value ...], TOOL one of", stderr);
    for (const auto& [name, function] : tools) std::fprintf(stderr, " %s", name.c_str());
    std::fputs("\n", stderr);
    return 2;
  }
  try {
    const auto report = tool->second(Args(argc - 2, argv + 2));
    std::printf("%s\n", boost::json::serialize(report).c_str());
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "pulse_bench %s: %s\n", argv[1], e.what());
    return 1;
  }
}
