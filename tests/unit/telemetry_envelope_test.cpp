#include <gtest/gtest.h>

#include "telemetry/door.hpp"
#include "telemetry/envelope.hpp"

namespace pulse::telemetry {

namespace {

struct Judged {
  std::string reason, detail;
  Payload payload;
  boost::json::value json;
};

Judged judge(const std::string& text, std::string_view msg_type = "telemetry",
             std::size_t most_bytes = limits::ingest_payload_bytes_mqtt) {
  Judged j;
  PayloadLimits limits;
  limits.payload_bytes = most_bytes;
  auto json = parse_json(text, boost::json::storage_ptr());
  if (!json) {
    j.reason = "INVALID_JSON";
    return j;
  }
  j.json = std::move(*json);
  j.reason =
      judge_payload(j.json, {msg_type, text.size()}, limits, j.payload, j.detail).value_or("");
  return j;
}

}  // namespace

TEST(Payload, numbers_booleans_and_texts_are_readings) {
  const auto j = judge(R"({"site_id":"s","seq":9,"metrics":{"t":21.5,"on":true,"mode":"auto"}})");
  EXPECT_EQ(j.reason, "");
  ASSERT_EQ(j.payload.readings.size(), 3u);
  EXPECT_EQ(j.payload.readings[0].number, 21.5);
  EXPECT_EQ(j.payload.readings[1].number, 1);
  EXPECT_EQ(j.payload.readings[2].kind, Reading::Kind::text);
  EXPECT_EQ(j.payload.seq, 9);
  EXPECT_EQ(j.payload.site_id, "s");
}

TEST(Payload, nothing_that_was_sent_is_left_out_silently) {
  const auto reason = [](const char* text) { return judge(text).reason; };
  EXPECT_EQ(reason(R"({"metrics":{"t":1},"lat":"x","lng":2})"), "INVALID_PAYLOAD:lat");
  EXPECT_EQ(reason(R"({"metrics":{"t":1},"lat":999,"lng":2})"), "INVALID_PAYLOAD:lat");
  EXPECT_EQ(reason(R"({"metrics":{"t":1},"lat":5,"longitude":181})"), "INVALID_PAYLOAD:lng");
  EXPECT_EQ(reason(R"({"metrics":{"t":1},"lat":5})"), "INVALID_PAYLOAD:lng");
  EXPECT_EQ(reason(R"({"metrics":{"t":1},"longitude":5})"), "INVALID_PAYLOAD:lat");
  EXPECT_EQ(reason(R"({"metrics":{"t":1},"tenant_id":5})"), "INVALID_PAYLOAD:tenant_id");
  EXPECT_EQ(reason(R"({"metrics":{"t":1,"gone":null}})"), "METRIC_VALUE_INVALID");
  for (const char* text :
       {R"({"metric":{"a":1}})", R"({"metrics":{}})", R"({"metrics":null})", "{}"})
    EXPECT_EQ(reason(text), "INVALID_PAYLOAD:metrics") << text;
}

TEST(Payload, a_position_alone_and_an_empty_heartbeat_are_fine) {
  const auto j = judge(R"({"latitude":-90,"lng":180,"tenant_id":null,"site_id":null,"seq":null})");
  EXPECT_EQ(j.reason, "");
  EXPECT_EQ(j.payload.latitude, -90);
  EXPECT_EQ(j.payload.longitude, 180);
  EXPECT_EQ(judge(R"({"metrics":{"t":1},"lat":null,"lng":null})").reason, "");
  EXPECT_EQ(judge("{}", "heartbeat").reason, "");
  EXPECT_EQ(judge(R"({"metrics":{}})", "heartbeat").reason, "");
}

TEST(Payload, version_then_size_then_metrics) {
  EXPECT_EQ(judge(R"({"metrics":{"":1},"version":"2"})", "telemetry", 10).reason,
            "unsupported_envelope_version:2");
  EXPECT_EQ(judge(R"({"metrics":{"":1}})", "telemetry", 10).reason, "PAYLOAD_TOO_LARGE");
  EXPECT_EQ(judge(R"({"metrics":{"":1}})").reason, "METRIC_KEY_INVALID");
}

TEST(Payload, a_reason_is_fit_for_a_text_of_the_database) {
  const std::string start = "unsupported_envelope_version:";
  EXPECT_EQ(judge(R"({"version":"a\u0000b"})").reason, start +
                                                           "a\xef\xbf\xbd"
                                                           "b");
  // The 32nd byte is the first of the two of an e with acute.
  const std::string a(31, 'a');
  EXPECT_EQ(judge("{\"version\":\"" + a + "\xc3\xa9\"}").reason, start + a);
  EXPECT_EQ(judge("{\"version\":[\"" + a.substr(0, 29) + "\xc3\xa9\"]}").reason,
            start + "[\"" + a.substr(0, 29));
}

TEST(Payload, the_token_is_seen_whatever_else_is_wrong) {
  EXPECT_TRUE(judge(R"({"version":"9","provision_token":"x"})").payload.carries_token);
  EXPECT_TRUE(judge(R"({"ts":"x","provision_token":"x"})").payload.carries_token);
}

TEST(Payload, times_are_of_the_years_1970_to_9999) {
  const auto judged = [](const std::string& ts) {
    return judge("{\"ts\":" + ts + ",\"metrics\":{\"t\":1}}");
  };
  for (const char* ts : {R"("1969-12-31T23:59:59Z")", R"("1970-01-01T00:00:00+05:00")", "-1",
                         R"("9999-12-31T23:59:59-01:00")", "253402300800000"})
    EXPECT_EQ(judged(ts).reason, "INVALID_PAYLOAD:ts") << ts;
  EXPECT_EQ(judged(R"("9999-12-31T23:59:59Z")").payload.ts_us, 253'402'300'799'000'000);
  EXPECT_EQ(judged("253402300799999").payload.ts_us, 253'402'300'799'999'000);
}

TEST(Payload, times_are_iso_or_epoch_seconds_or_milliseconds) {
  constexpr std::int64_t us = 1'795'530'773'000'000;
  EXPECT_EQ(judge(R"({"ts":1795530773,"metrics":{"t":1}})").payload.ts_us, us);
  EXPECT_EQ(judge(R"({"ts":1795530773000,"metrics":{"t":1}})").payload.ts_us, us);
  EXPECT_EQ(judge(R"({"ts":"2026-11-24T14:32:53Z","metrics":{"t":1}})").payload.ts_us, us);
  EXPECT_EQ(judge(R"({"ts":"2026-11-24T14:32:53","metrics":{"t":1}})").payload.ts_us, us);
  EXPECT_FALSE(judge(R"({"metrics":{"t":1}})").payload.ts_us);
  EXPECT_NE(judge(R"({"ts":"yesterday","metrics":{}})").reason, "");
}

TEST(Payload, each_fault_has_its_reason) {
  EXPECT_EQ(judge("nonsense").reason, "INVALID_JSON");
  EXPECT_EQ(judge(R"({"version":"2","metrics":{}})").reason, "unsupported_envelope_version:2");
  EXPECT_EQ(judge(R"({"metrics":{"t":{"deep":1}}})").reason, "METRIC_VALUE_INVALID");
  EXPECT_EQ(judge(R"({"metrics":{"a\u0007b":1}})").reason, "METRIC_KEY_INVALID");
  EXPECT_EQ(judge("{\"metrics\":{\"" + std::string(129, 'k') + "\":1}}").reason,
            "METRIC_KEY_TOO_LONG");
  std::string many = "{\"metrics\":{";
  for (int i = 0; i < 51; ++i) many += (i ? ",\"m" : "\"m") + std::to_string(i) + "\":1";
  EXPECT_EQ(judge(many + "}}").reason, "TOO_MANY_METRICS");
  EXPECT_TRUE(judge(R"({"metrics":5})").reason.starts_with("INVALID_PAYLOAD"));
  EXPECT_TRUE(judge(R"({"site_id":5,"metrics":{}})").reason.starts_with("INVALID_PAYLOAD"));
  EXPECT_EQ(judge("[]").reason, "INVALID_JSON");
}

TEST(Envelope, carries_the_payload_and_the_verdict_but_no_token) {
  const auto json = parse_json(R"({"provision_token":"secret","metrics":{"t":1}})", {});
  ASSERT_TRUE(json);
  EnvelopeFacts facts;
  facts.tenant_id = "acme";
  facts.device_id = "d1";
  facts.msg_type = "telemetry";
  facts.username = "acme/d1";
  facts.auth = "token:42";
  facts.received_ms = 1234;
  const auto text = make_envelope(facts, without_token(*json));
  EXPECT_EQ(text.find("secret"), std::string::npos);
  const auto read = parse_json(text, {}, envelope_depth);
  ASSERT_TRUE(read);
  Envelope envelope;
  ASSERT_TRUE(open_envelope(*read, envelope));
  EXPECT_EQ(envelope.topic, "tenant/acme/device/d1/telemetry");
  EXPECT_EQ(envelope.auth, "token:42");
  EXPECT_EQ(envelope.received_ms, 1234);
  ASSERT_NE(envelope.payload, nullptr);
  EXPECT_TRUE(envelope.payload->as_object().contains("metrics"));
}

TEST(Envelope, its_payload_has_a_size_of_its_own) {
  EnvelopeFacts facts;
  facts.tenant_id = std::string_view("a-tenant-with-a-long-name");
  facts.device_id = "d";
  facts.msg_type = "telemetry";
  facts.username = R"("payload":)";
  const std::string payload = R"({ "metrics": {"payload": 1} })";
  EXPECT_EQ(payload_bytes_of(make_envelope(facts, payload)), payload.size());
}

TEST(Envelope, an_arrival_outside_of_the_calendar_is_none) {
  Envelope envelope;
  for (const char* ts : {"-1", "1e300", "9223372036854775807", "253402300800000"}) {
    const auto json =
        parse_json(R"({"topic":"t","tenant_id":"a","device_id":"d","msg_type":"m","ts":)" +
                       std::string(ts) + "}",
                   {});
    ASSERT_TRUE(json);
    EXPECT_FALSE(open_envelope(*json, envelope)) << ts;
    EXPECT_EQ(envelope.received_ms, 0);
  }
}

TEST(Envelope, bytes_that_are_no_json_travel_as_base64) {
  EnvelopeFacts facts;
  facts.tenant_id = "a";
  facts.device_id = "d";
  facts.msg_type = "telemetry";
  const auto read = parse_json(make_raw_envelope(facts, "\xff\x00{"), {}, envelope_depth);
  ASSERT_TRUE(read);
  Envelope envelope;
  ASSERT_TRUE(open_envelope(*read, envelope));
  EXPECT_EQ(envelope.payload, nullptr);
  EXPECT_FALSE(envelope.payload_raw.empty());
}

TEST(Door, kinds_of_messages_have_their_subjects) {
  EXPECT_EQ(subject_of("acme", "telemetry"), "telemetry.acme");
  EXPECT_EQ(subject_of("acme", "heartbeat"), "telemetry.acme");
  EXPECT_EQ(subject_of("acme", "shadow/reported"), "shadow.acme");
  EXPECT_EQ(subject_of("acme", "commands/ack"), "commands.acme");
  EXPECT_EQ(subject_of("acme", "ota/status"), "commands.acme");
}

TEST(Door, a_message_id_tells_a_retry_from_a_new_message) {
  EXPECT_EQ(message_id("t", "p", 0), "");
  EXPECT_EQ(message_id("t", "p", 1), message_id("t", "p", 1));
  EXPECT_NE(message_id("t", "p", 1), message_id("t", "q", 1));
  EXPECT_NE(message_id("t", "p", 1), message_id("u", "p", 1));
}

TEST(Door, credentials_decide_in_the_order_of_the_reasons) {
  fleet::DeviceCredentials d;
  EXPECT_EQ(judge_device(d, "", true).reason, "TOKEN_MISSING");
  EXPECT_EQ(judge_device(d, "x", true).reason, "UNREGISTERED_DEVICE");
  d.exists = true;
  d.status = "ACTIVE";
  EXPECT_EQ(judge_device(d, "x", true).reason, "TOKEN_INVALID");
  // SHA-256 of "x".
  d.tokens.push_back({"t1", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", 0});
  EXPECT_EQ(judge_device(d, "x", true).reason, "");
  EXPECT_EQ(judge_device(d, "x", true).token_id, "t1");
  d.tokens[0].expires_ms = 1;
  EXPECT_EQ(judge_device(d, "x", true).reason, "TOKEN_INVALID");
  d.subscription_status = "SUSPENDED";
  EXPECT_EQ(judge_device(d, "x", true).reason, "SUBSCRIPTION_SUSPENDED");
  d.subscription_status = "ACTIVE";
  d.status = "REVOKED";
  EXPECT_EQ(judge_device(d, "x", true).reason, "DEVICE_REVOKED");
}

}  // namespace pulse::telemetry
