#include <gtest/gtest.h>

#include "telemetry/ingest_batch.hpp"
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

TEST(IngestBatch, copy_rows_escape_what_the_text_format_needs) {
  std::string out;
  append_copy_text(out, "a\tb\\c\nd\re");
  EXPECT_EQ(out, "a\\tb\\\\c\\nd\\re");
  Feed f;
  f.add(1'000'000, {{"k\ty", "v\\w"}});
  const auto& rows = f.batch.telemetry_rows();
  EXPECT_TRUE(rows.starts_with("1970-01-01 00:00:01.000000+00\tacme\td1\ts1\ttelemetry\t0\t")) << rows;
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
