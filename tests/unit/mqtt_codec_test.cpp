// The codec against bytes: vectors of the specifications and every malformed class.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "platform/mqtt/frame.hpp"
#include "platform/mqtt/packet.hpp"
#include "platform/mqtt/wire.hpp"

namespace pulse::mqtt {
namespace {

using namespace std::string_literals;

constexpr std::uint32_t no_limit = varint_max + 5;

/// The first packet in `bytes`, which must be whole and alone.
Fault decode_all(const std::string& bytes, Version version, Packet& out) {
  const auto cut = next_frame(bytes, no_limit, version);
  if (cut.state == FrameResult::State::bad) return cut.fault;
  EXPECT_EQ(cut.state, FrameResult::State::ready);
  if (cut.state != FrameResult::State::ready) return {Reason::unspecified, "incomplete"};
  EXPECT_EQ(cut.size, bytes.size());
  return decode(cut.frame, version, out);
}

struct BadCase {
  std::string name, bytes;
  Version version;
  Reason reason;
};

const std::string connect_v5_head = "\0\4MQTT\5"s;
const std::string connect_v311_head = "\0\4MQTT\4"s;

std::string packet(std::uint8_t first, const std::string& body) {
  std::string bytes(1, static_cast<char>(first));
  put_varint(bytes, static_cast<std::uint32_t>(body.size()));
  return bytes + body;
}

std::vector<BadCase> bad_cases() {
  const auto v5 = Version::v5;
  const auto v3 = Version::v311;
  const auto malformed = Reason::malformed_packet;
  const auto protocol = Reason::protocol_error;
  return {
      {"type 0", "\x00\x00"s, v5, malformed},
      {"flags of PINGREQ", "\xC1\x00"s, v5, malformed},
      {"flags of SUBSCRIBE", packet(0x80, "\0\1\0\0\1a\0"s), v5, malformed},
      {"flags of PUBREL", "\x60\x02\x00\x01"s, v3, malformed},
      {"remaining length of five bytes", "\x30\xFF\xFF\xFF\xFF\x01"s, v5, malformed},
      {"remaining length padded", "\xC0\x80\x00"s, v5, malformed},
      {"AUTH in 3.1.1", "\xF0\x00"s, v3, malformed},
      {"PINGREQ with body", "\xC0\x01x"s, v5, malformed},
      {"CONNECT cut", packet(0x10, "\0\4MQ"s), v5, malformed},
      {"CONNECT 3.1", packet(0x10, "\0\6MQIsdp\3\2\0\0\0\1a"s), v3,
       Reason::unsupported_protocol_version},
      {"CONNECT version 6", packet(0x10, "\0\4MQTT\6\2\0\0\0\0\1a"s), v5,
       Reason::unsupported_protocol_version},
      {"CONNECT reserved flag", packet(0x10, connect_v5_head + "\3\0\0\0\0\1a"s), v5, malformed},
      {"CONNECT will QoS 3", packet(0x10, connect_v5_head + "\x1E\0\0\0\0\1a\0\0\1t\0\0"s), v5,
       malformed},
      {"CONNECT will QoS without will", packet(0x10, connect_v311_head + "\x0A\0\0\0\1a"s), v3,
       malformed},
      {"CONNECT will retain without will", packet(0x10, connect_v311_head + "\x22\0\0\0\1a"s), v3,
       malformed},
      {"CONNECT password alone in 3.1.1", packet(0x10, connect_v311_head + "\x42\0\0\0\1a\0\1p"s),
       v3, malformed},
      {"CONNECT too long", packet(0x10, connect_v311_head + "\2\0\0\0\1aX"s), v3, malformed},
      {"CONNECT will topic wildcard", packet(0x10, connect_v5_head + "\6\0\0\0\0\1a\0\0\1#\0\0"s),
       v5, Reason::topic_name_invalid},
      {"CONNECT auth data without method",
       packet(0x10, connect_v5_head + "\2\0\0\4\x16\0\1x\0\1a"s), v5, protocol},
      {"CONNECT receive maximum 0", packet(0x10, connect_v5_head + "\2\0\0\3\x21\0\0\0\1a"s), v5,
       protocol},
      {"CONNECT maximum packet size 0",
       packet(0x10, connect_v5_head + "\2\0\0\5\x27\0\0\0\0\0\1a"s), v5, protocol},
      {"CONNECT request problem information 2",
       packet(0x10, connect_v5_head + "\2\0\0\2\x17\2\0\1a"s), v5, protocol},
      {"CONNECT property twice", packet(0x10, connect_v5_head + "\2\0\0\6\x21\0\1\x21\0\1\0\1a"s),
       v5, protocol},
      {"CONNECT property of another packet", packet(0x10, connect_v5_head + "\2\0\0\2\x24\1\0\1a"s),
       v5, malformed},
      {"CONNECT unknown property", packet(0x10, connect_v5_head + "\2\0\0\2\x7E\1\0\1a"s), v5,
       malformed},
      {"CONNECT properties too long", packet(0x10, connect_v5_head + "\2\0\0\x70\0\1a"s), v5,
       malformed},
      {"CONNECT client id not UTF-8", packet(0x10, connect_v311_head + "\2\0\0\0\1\xFF"s), v3,
       malformed},
      {"PUBLISH QoS 3", packet(0x36, "\0\1a\0\1\0x"s), v5, malformed},
      {"PUBLISH DUP at QoS 0", packet(0x38, "\0\1a\0x"s), v5, malformed},
      {"PUBLISH id 0", packet(0x32, "\0\1a\0\0\0x"s), v5, protocol},
      {"PUBLISH without id", packet(0x32, "\0\1a"s), v5, malformed},
      {"PUBLISH wildcard", packet(0x30, "\0\3a/#x"s), v3, Reason::topic_name_invalid},
      {"PUBLISH empty topic", packet(0x30, "\0\0\0x"s), v5, protocol},
      {"PUBLISH empty topic in 3.1.1", packet(0x30, "\0\0x"s), v3, Reason::topic_name_invalid},
      {"PUBLISH NUL in topic", packet(0x30, "\0\2a\0x"s), v3, malformed},
      {"PUBLISH surrogate in topic", packet(0x30, "\0\3\xED\xA0\x80x"s), v3, malformed},
      {"PUBLISH overlong in topic", packet(0x30, "\0\2\xC0\xAFx"s), v3, malformed},
      {"PUBLISH response topic wildcard", packet(0x30, "\0\1a\4\x08\0\1#x"s), v5, protocol},
      {"PUBLISH format indicator 2", packet(0x30, "\0\1a\2\1\2x"s), v5, protocol},
      {"PUBLISH subscription identifier 0", packet(0x30, "\0\1a\2\x0B\0x"s), v5, protocol},
      {"PUBLISH property length padded", packet(0x30, "\0\1a\x80\0x"s), v5, malformed},
      {"PUBACK cut", "\x40\x01\x00"s, v5, malformed},
      {"PUBACK id 0", "\x40\x02\x00\x00"s, v5, protocol},
      {"PUBACK long in 3.1.1", packet(0x40, "\0\1\0"s), v3, malformed},
      {"SUBSCRIBE without filter", packet(0x82, "\0\1\0"s), v5, protocol},
      {"SUBSCRIBE reserved options", packet(0x82, "\0\1\0\0\1a\xC0"s), v5, malformed},
      {"SUBSCRIBE 5.0 options in 3.1.1", packet(0x82, "\0\1\0\1a\4"s), v3, malformed},
      {"SUBSCRIBE QoS 3", packet(0x82, "\0\1\0\0\1a\3"s), v5, protocol},
      {"SUBSCRIBE retain handling 3", packet(0x82, "\0\1\0\0\1a\x30"s), v5, protocol},
      {"SUBSCRIBE no local shared", packet(0x82, "\0\1\0\0\x0A$share/g/a\4"s), v5, protocol},
      {"SUBSCRIBE two identifiers", packet(0x82, "\0\1\4\x0B\1\x0B\2\0\1a\0"s), v5, protocol},
      {"SUBSCRIBE options cut", packet(0x82, "\0\1\0\0\1a"s), v5, malformed},
      {"UNSUBSCRIBE without filter", packet(0xA2, "\0\1\0"s), v5, protocol},
      {"UNSUBSCRIBE id 0", packet(0xA2, "\0\0\0\0\1a"s), v5, protocol},
      {"CONNACK flags", packet(0x20, "\2\0\0"s), v5, malformed},
      {"SUBACK empty", packet(0x90, "\0\1\0"s), v5, protocol},
      {"DISCONNECT body in 3.1.1", packet(0xE0, "\0"s), v3, malformed},
      {"DISCONNECT trailing", packet(0xE0, "\0\0X"s), v5, malformed},
  };
}

TEST(MqttCodec, RefusesEveryMalformedClassWithItsReason) {
  for (const auto& c : bad_cases()) {
    Packet out;
    const auto fault = decode_all(c.bytes, c.version, out);
    EXPECT_EQ(fault.reason, c.reason) << c.name << ": " << fault.text;
    EXPECT_FALSE(fault.text.empty()) << c.name;
  }
}

TEST(MqttCodec, ConnectExampleOfTheSpecification) {
  // 3.1.1, figure 3.6 (variable header): keep alive 10, user name, password, will QoS 1, clean.
  const auto bytes = packet(0x10, connect_v311_head + "\xCE\0\x0A\0\1c\0\1w\0\2hi\0\1u\0\1p"s);
  Packet out;
  ASSERT_FALSE(decode_all(bytes, Version::v311, out));
  const auto& c = std::get<Connect>(out);
  EXPECT_EQ(c.version, Version::v311);
  EXPECT_TRUE(c.clean_start);
  EXPECT_EQ(c.keep_alive_s, 10);
  EXPECT_EQ(c.client_id, "c");
  EXPECT_EQ(c.will->topic, "w");
  EXPECT_EQ(c.will->payload, "hi");
  EXPECT_EQ(c.will->qos, Qos::at_least_once);
  EXPECT_FALSE(c.will->retain);
  EXPECT_EQ(c.user_name, "u");
  EXPECT_EQ(c.password, "p");
  std::string again;
  encode(again, c);
  EXPECT_EQ(again, bytes);
}

TEST(MqttCodec, PublishExampleOfTheSpecification) {
  // Section 3.3.2, figure 3.9: topic "a/b", identifier 10, no properties.
  Publish p;
  p.topic = "a/b";
  p.packet_id = 10;
  p.qos = Qos::at_least_once;
  std::string bytes;
  encode(bytes, Version::v5, p);
  EXPECT_EQ(bytes, "\x32\x08\x00\x03"s + "a/b\x00\x0A\x00"s);
  bytes.clear();
  encode(bytes, Version::v311, p);
  EXPECT_EQ(bytes, "\x32\x07\x00\x03"s + "a/b\x00\x0A"s);
}

TEST(MqttCodec, SubscribeExampleOfTheSpecification) {
  // Section 3.8.3.2, figure 3.24: "a/b" QoS 1 and "c/d" QoS 2.
  const auto bytes = packet(0x82, "\0\x0A\0\0\3a/b\1\0\3c/d\2"s);
  Packet out;
  ASSERT_FALSE(decode_all(bytes, Version::v5, out));
  const auto& s = std::get<Subscribe>(out);
  ASSERT_EQ(s.entries.size(), 2u);
  EXPECT_EQ(s.entries[0].filter, "a/b");
  EXPECT_EQ(s.entries[1].qos, Qos::exactly_once);
}

TEST(MqttCodec, Utf8ExampleOfTheSpecification) {
  // Section 1.5.4, figure 1.2: "A" followed by U+2A6D4.
  EXPECT_TRUE(is_mqtt_utf8("A\xF0\xAA\x9B\x94"));
  EXPECT_TRUE(is_mqtt_utf8("\xEF\xBB\xBF"));  // a byte order mark is no reason to refuse
  EXPECT_FALSE(is_mqtt_utf8("12345678\0"s));
  EXPECT_FALSE(is_mqtt_utf8("\0abcdefg"s));
  EXPECT_FALSE(is_mqtt_utf8("\xF4\x90\x80\x80"));
  EXPECT_FALSE(is_mqtt_utf8("\xF0\xAA\x9B"));
  EXPECT_FALSE(is_mqtt_utf8("\x80"));
}

TEST(MqttCodec, VariableByteIntegers) {
  // Table 1-1: the borders of each length.
  for (const std::uint32_t value :
       {0u, 127u, 128u, 16'383u, 16'384u, 2'097'151u, 2'097'152u, 268'435'455u}) {
    std::string bytes;
    put_varint(bytes, value);
    EXPECT_EQ(bytes.size(), varint_size(value));
    Reader in(bytes);
    EXPECT_EQ(in.varint(), value);
    EXPECT_FALSE(in.fault());
  }
  std::string out;
  EXPECT_THROW(put_varint(out, varint_max + 1), std::length_error);
  EXPECT_THROW(put_binary(out, std::string(65'536, 'x')), std::length_error);
}

TEST(MqttCodec, TooLargeIsKnownBeforeTheBodyArrives) {
  const auto cut = next_frame("\x30\x80\x80\x01"s, 16'384, Version::v5);
  EXPECT_EQ(cut.state, FrameResult::State::bad);
  EXPECT_EQ(cut.fault.reason, Reason::packet_too_large);
}

TEST(MqttCodec, FrameBufferTakesAnyPieces) {
  std::string stream;
  for (int i = 0; i < 20; ++i) {
    Publish p;
    const std::string payload(static_cast<std::size_t>(i * 31 % 300), 'x');
    p.topic = "t";
    p.payload = payload;
    encode(stream, Version::v311, p);
  }
  for (std::size_t step = 1; step < 400; step += 13) {
    FrameBuffer buffer;
    std::vector<std::size_t> sizes;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      const auto fault = buffer.consume(std::string_view(stream).substr(at, step), 400,
                                        Version::v311, [&](const Frame& frame) {
                                          sizes.push_back(frame.body.size());
                                          return sizes.size() % 3 != 0;
                                        });
      ASSERT_FALSE(fault);
    }
    const auto more = [&](const Frame& frame) {
      sizes.push_back(frame.body.size());
      return true;
    };
    ASSERT_FALSE(buffer.consume({}, 400, Version::v311, more));
    ASSERT_EQ(sizes.size(), 20u) << "step " << step;
    for (int i = 0; i < 20; ++i) EXPECT_EQ(sizes[i], static_cast<std::size_t>(i * 31 % 300 + 3));
    EXPECT_EQ(buffer.kept_bytes(), 0u);
  }
}

TEST(MqttCodec, AcknowledgementsLeaveOutWhatSaysNothing) {
  std::string bytes;
  encode_ack(bytes, PacketType::pubrel, 7);
  EXPECT_EQ(bytes, "\x62\x02\x00\x07"s);
  bytes.clear();
  Ack ack;
  ack.packet_id = 7;
  encode(bytes, Version::v5, ack);
  EXPECT_EQ(bytes, "\x40\x02\x00\x07"s);
  bytes.clear();
  ack.reason = Reason::not_authorized;
  encode(bytes, Version::v5, ack);
  EXPECT_EQ(bytes, "\x40\x03\x00\x07\x87"s);
  bytes.clear();
  encode(bytes, Version::v311, ack);
  EXPECT_EQ(bytes, "\x40\x02\x00\x07"s);
}

TEST(MqttCodec, ReasonsHaveNames) {
  EXPECT_EQ(reason_name(Reason::receive_maximum_exceeded), "receive maximum exceeded");
  EXPECT_EQ(reason_name(static_cast<Reason>(0x77)), "unknown reason");
  for (std::uint8_t code = 0; code <= 5; ++code) {
    EXPECT_EQ(connack_code_v311(reason_of_connack_v311(code)), code);
  }
}

}  // namespace
}  // namespace pulse::mqtt
