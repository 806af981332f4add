#include <gtest/gtest.h>

#include "telemetry/ingest_batch.hpp"
#include "telemetry/ingest_judge.hpp"
#include "telemetry/ingest_worker.hpp"
#include "telemetry/query.hpp"

namespace pulse::telemetry {

namespace {

/// Messages of one device, kept alive for as long as the batch looks at them.
struct Feed {
  fleet::DeviceFacts device;
  std::deque<boost::json::value> values;
  IngestBatch batch;
  std::uint64_t sequence = 0;

  Feed() {
    device.tenant_id = "acme";
    device.device_id = "d1";
    device.site_id = "s1";
    device.sensor_limit = 3;
    device.sensor_keys.insert("known");
  }
  void add(std::int64_t event_us, std::vector<std::pair<std::string, boost::json::value>> metrics,
           std::string_view type = "telemetry") {
    Accepted m;
    m.device = &device;
    m.token = device.token("t1");
    m.envelope.msg_type = type;
    m.envelope.received_ms = 1'700'000'000'000;
    m.event_us = event_us;
    m.stream_seq = ++sequence;
    static std::deque<std::string> keys;
    for (auto& [key, value] : metrics) {
      Reading r;
      r.key = keys.emplace_back(key);
      r.value = &values.emplace_back(value);
      if (value.is_string()) {
        r.kind = Reading::Kind::text;
      } else {
        r.number = value.is_bool() ? (value.as_bool() ? 1 : 0) : value.to_number<double>();
      }
      m.payload.readings.push_back(r);
    }
    batch.add(m);
  }
};

constexpr std::int64_t minute_us = 60'000'000, start_us = 1'700'000'040LL * 1'000'000;

}  // namespace

TEST(IngestBatch, state_keeps_the_newest_value_of_each_metric) {
  Feed f;
  f.add(start_us + 2'000'000, {{"t", 20}});
  f.add(start_us, {{"t", 10}, {"h", 50}});  // older: its "t" must not win
  const auto states = f.batch.device_states();
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(boost::json::parse(states.text1[0]).at("t"), 20);
  EXPECT_EQ(boost::json::parse(states.text1[0]).at("h"), 50);
  EXPECT_EQ(boost::json::parse(states.text2[0]).at("t"), (start_us + 2'000'000) / 1000);
}

TEST(IngestBatch, rollups_count_numbers_by_minute_and_hour) {
  Feed f;
  f.add(start_us, {{"t", 10}, {"mode", "auto"}});
  f.add(start_us + 1'000'000, {{"t", 30}});
  f.add(start_us + minute_us, {{"t", 20}});
  const auto minutes = f.batch.rollups(60);
  ASSERT_EQ(minutes.size(), 2u);  // texts have no rollup
  EXPECT_EQ(minutes.int2[0], 2);
  EXPECT_EQ(minutes.num1[0], 40);
  EXPECT_EQ(minutes.num2[0], 10);
  EXPECT_EQ(minutes.num3[0], 30);
  EXPECT_EQ(minutes.num4[0], 30);
  const auto hours = f.batch.rollups(3600);
  ASSERT_EQ(hours.size(), 1u);
  EXPECT_EQ(hours.int2[0], 3);
  EXPECT_EQ(hours.num4[0], 20);  // the last by event time
}

TEST(IngestBatch, new_metrics_become_sensors_up_to_the_limit) {
  Feed f;
  f.add(start_us, {{"known", 1}, {"a_c", 1}, {"b_pct", 2}, {"c", 3}});
  const auto sensors = f.batch.new_sensors();
  ASSERT_EQ(sensors.size(), 2u);  // three allowed, one known
  EXPECT_EQ(sensors[0].key, "a_c");
  EXPECT_EQ(sensors[0].unit, "°C");
  EXPECT_EQ(sensors[0].display_name, "A c");
}

TEST(IngestBatch, a_device_that_makes_up_names_grows_no_further) {
  Feed f;
  f.device.state_keys.insert("old");
  for (int i = 0; i < 10; ++i) {
    std::vector<std::pair<std::string, boost::json::value>> metrics;
    for (int k = 0; k < 50; ++k) metrics.emplace_back("m" + std::to_string(i * 50 + k), k);
    metrics.emplace_back("old", i);
    f.add(start_us + i, metrics);
  }
  const auto state = boost::json::parse(f.batch.device_states().text1[0]).as_object();
  EXPECT_EQ(state.size(), limits::ingest_keys_per_device);
  EXPECT_EQ(state.at("old"), 9) << "what has a value goes on";
  EXPECT_EQ(f.batch.rollups(60).size(), limits::ingest_keys_per_device);
  EXPECT_EQ(f.batch.grown(), std::vector<const fleet::DeviceFacts*>{&f.device});
}

TEST(IngestBatch, a_device_whose_metrics_are_known_has_not_grown) {
  Feed f;
  f.device.state_keys.insert("known");
  f.add(start_us, {{"known", 1}});
  EXPECT_TRUE(f.batch.grown().empty());
}

TEST(IngestBatch, numbers_whose_sums_would_overflow_have_a_value_but_no_rollup) {
  Feed f;
  f.add(start_us, {{"big", 1e308}, {"low", -1e291}, {"fits", 1e290}});
  f.add(start_us, {{"big", 1e308}, {"low", -1e291}, {"fits", 1e290}});
  const auto rollups = f.batch.rollups(3600);
  ASSERT_EQ(rollups.size(), 1u);
  EXPECT_EQ(rollups.text1[0], "fits");
  EXPECT_EQ(boost::json::parse(f.batch.device_states().text1[0]).at("big"), 1e308);
}

TEST(IngestBatch, a_tokens_use_is_stored_once_a_minute) {
  Feed f;
  f.device.tokens.push_back({"t1", INT64_MAX, 0});
  f.add(start_us, {{"t", 1}});
  f.add(start_us, {{"t", 2}});
  ASSERT_EQ(f.batch.token_uses().size(), 1u);
  EXPECT_EQ(f.batch.token_uses()[0].used_ms, 1'700'000'000'000);
  Feed again;
  again.device.tokens.push_back({"t1", INT64_MAX, 1'700'000'000'000 - 59'999});
  again.add(start_us, {{"t", 1}});
  EXPECT_TRUE(again.batch.token_uses().empty());
}

TEST(IngestJudge, the_doors_verdict_is_looked_at_again) {
  fleet::DeviceFacts device;
  device.tenant_id = "acme";
  device.device_id = "d1";
  device.status = "ACTIVE";
  JudgedMessage m;
  m.envelope.tenant_id = "acme";
  m.envelope.device_id = "d1";
  m.envelope.username = "acme/d1";
  m.envelope.received_ms = 1'000;
  JudgeSettings settings;
  const auto reason = [&](std::string_view auth) {
    m.envelope.auth = auth;
    m.payload.site_id = std::string_view();
    return judge_against(m, &device, settings, 2'000);
  };
  EXPECT_EQ(reason("token:t1"), "TOKEN_NOT_SET_IN_REGISTRY");
  EXPECT_EQ(reason(""), "TOKEN_NOT_SET_IN_REGISTRY");
  device.tokens.push_back({"t1", INT64_MAX, 0});
  device.tokens.push_back({"ended", 1'000, 0});
  device.tokens.push_back({"ends", 1'001, 0});
  EXPECT_EQ(reason("token:t1"), "");
  EXPECT_EQ(reason("token:ends"), "") << "it was live when the message came in";
  EXPECT_EQ(reason("token:ended"), "TOKEN_INVALID");
  EXPECT_EQ(reason("token:nonsense"), "TOKEN_INVALID");
  EXPECT_EQ(reason(""), "TOKEN_MISSING");
  EXPECT_EQ(reason("nonsense"), "AUTH_FAILED");
  for (const char* other : {"", "acme/d2", "acme/d", "acme-d1", "acme/d1/"}) {
    m.envelope.username = other;
    EXPECT_EQ(reason("token:t1"), "AUTH_FAILED") << other;
  }
  settings.require_token = false;
  EXPECT_EQ(reason(""), "");
  EXPECT_EQ(reason("token:ended"), "TOKEN_INVALID");
  m.payload.site_id.reset();
  m.envelope.auth = "";
  EXPECT_EQ(judge_against(m, &device, settings, 2'000), "MISSING_SITE_ID");
}

TEST(IngestJudge, settings_of_the_table_yield_to_the_environment) {
  JudgeSettings settings;
  settings.set("MAX_PAYLOAD_BYTES", "1000");
  EXPECT_EQ(settings.limits.payload_bytes, 1'000u);
  for (const char* wrong : {"", "x", "255", "1000x", "-1"})
    settings.set("MAX_PAYLOAD_BYTES", wrong);
  EXPECT_EQ(settings.limits.payload_bytes, 1'000u);
  settings.payload_bytes_given = true;
  settings.set("MAX_PAYLOAD_BYTES", "2000");
  EXPECT_EQ(settings.limits.payload_bytes, 1'000u);
  settings.set("STORE_REJECTS", "0");
  EXPECT_FALSE(settings.store_rejects);
}

TEST(BatchBound, grows_with_a_backlog_and_shrinks_when_a_batch_takes_long) {
  BatchBound bound(500, 20'000, 1'000);
  bound.took(10, 5'000);
  EXPECT_EQ(bound.next(), 500u);
  bound.took(400, 5'000);  // less than a batch waits: no need to grow
  EXPECT_EQ(bound.next(), 500u);
  for (int i = 0; i < 10; ++i) bound.took(30'000, 100'000);
  EXPECT_EQ(bound.next(), 20'000u);
  bound.took(30'000, 1'000'001);
  EXPECT_EQ(bound.next(), 10'000u);
  bound.took(30'000, 900'000);  // neither long nor short
  EXPECT_EQ(bound.next(), 10'000u);
  bound.took(5'000, 5'000);  // half a batch waits: it stays
  EXPECT_EQ(bound.next(), 10'000u);
  for (int i = 0; i < 10; ++i) bound.took(0, 5'000);
  EXPECT_EQ(bound.next(), 500u);
  BatchBound fixed(7, 7, 1'000);
  for (int i = 0; i < 5; ++i) fixed.took(100, 1);
  EXPECT_EQ(fixed.next(), 7u);
}

TEST(KeySet, holds_each_name_once) {
  fleet::KeySet keys;
  for (const char* key : {"b", "a", "c", "a", ""}) keys.insert(key);
  EXPECT_EQ(keys.size(), 4u);
  EXPECT_TRUE(keys.contains("a") && keys.contains("b") && keys.contains("c") && keys.contains(""));
  EXPECT_FALSE(keys.contains("d"));
}

TEST(IngestBatch, copy_rows_escape_what_the_text_format_needs) {
  std::string out;
  append_copy_text(out, "a\tb\\c\nd\re");
  EXPECT_EQ(out, "a\\tb\\\\c\\nd\\re");
  Feed f;
  f.add(1'000'000, {{"k\ty", "v\\w"}});
  const auto& rows = f.batch.telemetry_rows();
  EXPECT_TRUE(rows.starts_with("1970-01-01 00:00:01.000000+00\tacme\td1\ts1\ttelemetry\t0\t"))
      << rows;
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 1);
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\t'), 8);
}

TEST(IngestBatch, timestamps_before_1970_and_after_2038_are_right) {
  const auto text = [](std::int64_t us) {
    std::string out;
    append_timestamp(out, us);
    return out;
  };
  EXPECT_EQ(text(-1), "1969-12-31 23:59:59.999999+00");
  EXPECT_EQ(text(4'102'444'800'000'000), "2100-01-01 00:00:00.000000+00");
}

TEST(IngestBatch, jsonb_gets_no_null_character) {
  EXPECT_EQ(fit_for_jsonb(R"({"a":"x\u0000y"})"), R"({"a":"x\ufffdy"})");
  EXPECT_EQ(fit_for_jsonb(R"({"a":"x\\u0000y"})"), R"({"a":"x\\u0000y"})");
}

TEST(IngestBatch, live_messages_are_one_per_tenant_and_bounded) {
  Feed f;
  for (int i = 0; i < 50; ++i) f.add(start_us + i, {{"t", i}});
  const auto whole = f.batch.live_messages(1, 1'000'000);
  ASSERT_EQ(whole.size(), 1u);
  EXPECT_EQ(boost::json::parse(whole[0].second).at("rows").as_array().size(), 50u);
  const auto parts = f.batch.live_messages(1, 2'000);
  EXPECT_GT(parts.size(), 3u);
  std::size_t rows = 0;
  for (const auto& [tenant, text] : parts) {
    EXPECT_LE(text.size(), 2'100u);
    rows += boost::json::parse(text).at("rows").as_array().size();
  }
  EXPECT_EQ(rows, 50u);
}

TEST(SeriesPlan, the_finest_source_that_fits_the_budget) {
  EXPECT_EQ(plan_series(3600, 500).source, Source::raw);
  EXPECT_EQ(plan_series(3600, 500).bucket_s, 10);
  EXPECT_EQ(plan_series(86'400, 500).source, Source::minute);
  EXPECT_EQ(plan_series(86'400, 500).bucket_s, 300);
  EXPECT_EQ(plan_series(30 * 86'400, 500).source, Source::hour);
  EXPECT_LE(366 * 86'400 / plan_series(366 * 86'400, 100).bucket_s, 100);
}

}  // namespace pulse::telemetry
