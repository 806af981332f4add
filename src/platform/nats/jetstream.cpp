// JetStream: streams and consumers (the JSON API of nats-server 2.9).
#include <boost/json.hpp>

#include "platform/nats/client_impl.hpp"

namespace pulse::nats {

namespace bj = boost::json;

namespace {

constexpr long api_timeout_ms = 3'000;
constexpr std::int64_t second_ns = 1'000'000'000;

bj::object parse_answer(const std::string& text) {
  boost::system::error_code ec;
  auto json = bj::parse(text, ec);
  if (ec || !json.is_object()) throw Error("unreadable answer from JetStream");
  return json.as_object();
}

/// The error's description and code, or nothing.
std::optional<std::pair<std::int64_t, std::string>> api_error(const bj::object& answer) {
  const auto* e = answer.if_contains("error");
  if (!e || !e->is_object()) return std::nullopt;
  const auto& o = e->get_object();
  const auto* code = o.if_contains("err_code");
  const auto* text = o.if_contains("description");
  return std::pair<std::int64_t, std::string>(
      code && code->is_int64() ? code->get_int64() : 0,
      text && text->is_string() ? std::string(text->get_string()) : "refused");
}

constexpr std::int64_t stream_not_found = 10059;
constexpr std::int64_t consumer_not_found = 10014;

bj::object stream_json(const StreamConfig& c) {
  bj::array subjects;
  for (const auto& s : c.subjects) subjects.emplace_back(s);
  return bj::object{
      {"name", c.name},
      {"subjects", std::move(subjects)},
      {"retention", c.work_queue ? "workqueue"
                    : c.interest ? "interest"
                                 : "limits"},
      {"max_consumers", -1},
      {"max_msgs", -1},
      {"max_bytes", c.max_bytes},
      {"max_age", c.max_age_s * second_ns},
      {"max_msg_size", -1},
      {"storage", "file"},
      {"discard", "new"},
      {"num_replicas", c.replicas},
      {"duplicate_window",
       (c.max_age_s > 0 ? std::min(c.max_age_s, c.duplicate_window_s) : c.duplicate_window_s) *
           second_ns}};
}

}  // namespace

Task<> Client::ensure_stream(StreamConfig config) {
  const auto wanted = stream_json(config);
  const auto info =
      parse_answer(co_await request("$JS.API.STREAM.INFO." + config.name, "", api_timeout_ms));
  const auto missing = api_error(info);
  std::string verb = "UPDATE";
  if (missing) {
    if (missing->first != stream_not_found)
      throw Error("stream " + config.name + ": " + missing->second);
    verb = "CREATE";
  } else {
    bool same = true;
    const auto& have = info.at("config").as_object();
    for (const auto& [key, value] : wanted) {
      const auto* known = have.if_contains(key);
      same = same && ((known && *known == value) || (!known && value == bj::value(0)));
    }
    if (same) co_return;
  }
  const auto answer = parse_answer(co_await request("$JS.API.STREAM." + verb + "." + config.name,
                                                    bj::serialize(wanted), api_timeout_ms));
  if (const auto e = api_error(answer)) throw Error("stream " + config.name + ": " + e->second);
}

Task<> Client::ensure_consumer(ConsumerConfig c) {
  bj::object config{{"durable_name", c.durable},    {"deliver_policy", "all"},
                    {"ack_policy", "explicit"},     {"ack_wait", c.ack_wait_ms * 1'000'000},
                    {"max_deliver", c.max_deliver}, {"max_ack_pending", c.max_ack_pending},
                    {"max_waiting", 512},           {"replay_policy", "instant"}};
  if (!c.filter_subject.empty()) config["filter_subject"] = c.filter_subject;
  bj::object body{{"stream_name", c.stream}, {"config", std::move(config)}};
  const auto answer =
      parse_answer(co_await request("$JS.API.CONSUMER.DURABLE.CREATE." + c.stream + "." + c.durable,
                                    bj::serialize(body), api_timeout_ms));
  if (const auto e = api_error(answer)) throw Error("consumer " + c.durable + ": " + e->second);
}

Task<> Client::restart_consumer(ConsumerConfig config) {
  const auto answer = parse_answer(co_await request(
      "$JS.API.CONSUMER.DELETE." + config.stream + "." + config.durable, "", api_timeout_ms));
  if (const auto e = api_error(answer); e && e->first != consumer_not_found)
    throw Error("consumer " + config.durable + ": " + e->second);
  co_await ensure_consumer(std::move(config));
}

Task<std::uint64_t> Client::last_sequence(std::string stream) {
  const auto answer =
      parse_answer(co_await request("$JS.API.STREAM.INFO." + stream, "", api_timeout_ms));
  if (const auto e = api_error(answer)) throw Error("stream " + stream + ": " + e->second);
  co_return static_cast<std::uint64_t>(answer.at("state").at("last_seq").to_number<std::int64_t>());
}

Task<std::uint64_t> Client::acked_up_to(std::string stream, std::string durable) {
  const auto answer = parse_answer(
      co_await request("$JS.API.CONSUMER.INFO." + stream + "." + durable, "", api_timeout_ms));
  if (const auto e = api_error(answer)) throw Error("consumer " + durable + ": " + e->second);
  co_return static_cast<std::uint64_t>(
      answer.at("ack_floor").at("stream_seq").to_number<std::int64_t>());
}

Task<> Client::purge_below(std::string stream, std::uint64_t sequence) {
  const auto answer =
      parse_answer(co_await request("$JS.API.STREAM.PURGE." + stream,
                                    "{\"seq\":" + std::to_string(sequence) + "}", api_timeout_ms));
  if (const auto e = api_error(answer)) throw Error("purge of " + stream + ": " + e->second);
}

}  // namespace pulse::nats
