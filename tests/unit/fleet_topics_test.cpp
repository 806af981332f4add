#include <gtest/gtest.h>

#include "fleet/topics.hpp"

namespace pulse::fleet {

TEST(Topics, a_device_topic_is_taken_apart) {
  const auto t = parse_topic("tenant/acme/device/pump-01/shadow/reported");
  ASSERT_TRUE(t);
  EXPECT_EQ(t->tenant, "acme");
  EXPECT_EQ(t->device, "pump-01");
  EXPECT_EQ(t->kind, "shadow/reported");
  for (const char* bad :
       {"", "tenant", "tenant/a/device/b", "tenant/a/device/b/", "tenant/a b/device/b/x",
        "tenants/a/device/b/x", "tenant/a/devices/b/x", "/tenant/a/device/b/x"})
    EXPECT_FALSE(parse_topic(bad)) << bad;
}

TEST(Topics, a_device_publishes_to_its_own_device_to_cloud_topics_only) {
  EXPECT_TRUE(may_publish("a", "d1", "tenant/a/device/d1/telemetry"));
  EXPECT_TRUE(may_publish("a", "d1", "tenant/a/device/d1/commands/ack"));
  EXPECT_FALSE(may_publish("a", "d1", "tenant/a/device/d2/telemetry"));
  EXPECT_FALSE(may_publish("a", "d1", "tenant/b/device/d1/telemetry"));
  EXPECT_FALSE(may_publish("a", "d1", "tenant/a/device/d1/commands"));
  EXPECT_FALSE(may_publish("a", "d1", "tenant/a/device/d1/shadow/desired"));
}

TEST(Topics, a_device_subscribes_below_its_own_prefix_only) {
  EXPECT_TRUE(may_subscribe("a", "d1", "tenant/a/device/d1/commands"));
  EXPECT_TRUE(may_subscribe("a", "d1", "tenant/a/device/d1/#"));
  EXPECT_TRUE(may_subscribe("a", "d1", "tenant/a/device/d1/+/desired"));
  for (const char* bad :
       {"#", "+/a/device/d1/commands", "tenant/+/device/d1/commands", "tenant/a/device/+/commands",
        "tenant/a/device/d1", "tenant/a/device/d10/commands", "tenant/a/device/d1/telemetry",
        "$share/g/tenant/a/device/d1/commands", "tenant/a/#"})
    EXPECT_FALSE(may_subscribe("a", "d1", bad)) << bad;
}

TEST(Topics, an_identity_has_two_valid_ids) {
  ASSERT_TRUE(parse_identity("acme/pump-01"));
  EXPECT_EQ(parse_identity("acme/pump-01")->device, "pump-01");
  for (const char* bad : {"", "acme", "acme/", "/pump", "a/b/c", "a b/c"})
    EXPECT_FALSE(parse_identity(bad)) << bad;
}

}  // namespace pulse::fleet
