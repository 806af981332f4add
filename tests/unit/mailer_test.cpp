// The mailer against a capture server: what arrives, what is refused, what can't be smuggled in.
#include "platform/mail/mailer.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "await.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/errors.hpp"
#include "platform/mail/mime.hpp"
#include "server_process.hpp"
#include "smtp_capture.hpp"

namespace pulse::test {
namespace {

mail::Email email_to(const std::string& to) {
  mail::Email e;
  e.to = to;
  e.subject = "Hello";
  e.text = "One line.\nhttps://pulse.example/x?key=abc=1\n.\nAfter the dot.\n";
  e.html = "<p>One line.</p>";
  return e;
}

class MailerTest : public ::testing::Test {
 public:
  boost::asio::io_context io{1};

  static mail::MailerOptions options(int port) {
    mail::MailerOptions o;
    o.host = "127.0.0.1";
    o.port = port;
    o.security = "none";
    o.from = "Pulse <pulse@pulse.example>";
    return o;
  }
  void send(mail::Mailer& mailer, mail::Email email) { await(io, mailer.send(std::move(email))); }
  /// The status that the sending ends with; 0: it was sent.
  int status(mail::Mailer& mailer, mail::Email email) {
    try {
      send(mailer, std::move(email));
      return 0;
    } catch (const HttpError& e) {
      return e.status;
    }
  }
};

TEST_F(MailerTest, both_parts_arrive_whole) {
  SmtpCapture server;
  mail::Mailer mailer(options(server.port()));
  send(mailer, email_to("ada@demo.example"));
  const auto taken = server.emails();
  ASSERT_EQ(taken.size(), 1u);
  const auto& e = taken[0];
  EXPECT_EQ(e.from, "pulse@pulse.example");
  EXPECT_EQ(e.to, std::vector<std::string>{"ada@demo.example"});
  EXPECT_EQ(e.header("From"), "\"Pulse\" <pulse@pulse.example>");
  EXPECT_EQ(e.header("To"), "ada@demo.example");
  EXPECT_EQ(e.header("Subject"), "Hello");
  EXPECT_TRUE(e.header("Message-ID").ends_with("@pulse.example>"));
  EXPECT_TRUE(e.header("Date").ends_with(" +0000"));
  EXPECT_TRUE(e.header("Content-Type").starts_with("multipart/alternative; boundary="));
  // The dot alone on a line is doubled on the wire, and ends nothing.
  EXPECT_NE(e.data.find("\r\n..\r\nAfter the dot.\r\n"), std::string::npos) << e.data;
  EXPECT_NE(e.data.find("https://pulse.example/x?key=abc=1\r\n"), std::string::npos);
  EXPECT_LT(e.data.find("text/plain"), e.data.find("text/html"));
  EXPECT_EQ(server.commands()[1].substr(0, 5), "MAIL ") << "no authentication without a user";
}

TEST_F(MailerTest, other_alphabets_are_encoded) {
  SmtpCapture server;
  auto o = options(server.port());
  o.from = "Größe <pulse@pulse.example>";
  mail::Mailer mailer(o);
  auto e = email_to("ada@demo.example");
  e.subject = "Zoë lädt dich zu Überwachung & Größe ein – mit vielen schönen Grüßen aus Köln";
  e.text = "Größe = 1 \nEnde";
  send(mailer, e);
  const auto taken = server.emails().at(0);
  EXPECT_EQ(taken.header("From"), "=?UTF-8?B?R3LDtsOfZQ==?= <pulse@pulse.example>");
  std::string subject, folded = taken.header("Subject");
  for (std::size_t at = 0; (at = folded.find("=?UTF-8?B?", at)) != std::string::npos;) {
    const auto end = folded.find("?=", at + 10);
    EXPECT_LE(end + 2 - at, 75u);
    const auto word = crypto::from_base64(folded.substr(at + 10, end - at - 10)).value();
    EXPECT_NE(static_cast<unsigned char>(word[0]) & 0xc0, 0x80) << "a character is split";
    subject += word;
    at = end;
  }
  EXPECT_EQ(subject, e.subject);
  EXPECT_NE(taken.data.find("Gr=C3=B6=C3=9Fe =3D 1=20\r\nEnde"), std::string::npos) << taken.data;
  EXPECT_EQ(taken.text(), "Größe = 1 \r\nEnde\r\n");
}

TEST_F(MailerTest, line_breaks_smuggle_nothing_in) {
  SmtpCapture server;
  mail::Mailer mailer(options(server.port()));
  auto e = email_to("ada@demo.example");
  e.subject = "Hi\r\nBcc: eve@evil.example\r\n\r\nbody";
  send(mailer, e);
  const auto taken = server.emails().at(0);
  EXPECT_EQ(taken.header("Subject"), "Hi  Bcc: eve@evil.example    body");
  EXPECT_EQ(taken.header("Bcc"), "");
  for (const char* to :
       {"ada@demo.example>\r\nRCPT TO:<eve@evil.example",
        "ada@demo.example\r\nBcc: eve@evil.example", "ada@demo.example, eve@evil.example",
        "ada@demo.example eve@evil.example", "<ada>", "@x", "a@", "", "a@b@c"})
    EXPECT_EQ(status(mailer, email_to(to)), 502) << to;
  EXPECT_EQ(server.emails().size(), 1u);
  EXPECT_EQ(mail::header_text("a\x01\x7f"), "a  ");
  EXPECT_EQ(mail::header_text("=?UTF-8?B?eA==?=").substr(0, 10), "=?UTF-8?B?");
  EXPECT_NE(mail::header_text("=?UTF-8?B?eA==?="), "=?UTF-8?B?eA==?=");
}

TEST_F(MailerTest, a_user_authenticates) {
  SmtpCapture server;
  auto o = options(server.port());
  o.username = "pulse";
  o.password = "secret";
  mail::Mailer mailer(o);
  send(mailer, email_to("ada@demo.example"));
  const auto said = server.commands();
  EXPECT_TRUE(std::find_if(said.begin(), said.end(), [](const std::string& line) {
                return line.starts_with("AUTH PLAIN");
              }) != said.end());
}

TEST_F(MailerTest, a_refusal_is_told_and_the_next_email_goes_on) {
  SmtpCapture refusing(SmtpMood::refuses_recipient), taking;
  mail::Mailer bad(options(refusing.port()));
  EXPECT_EQ(status(bad, email_to("ada@demo.example")), 502);
  EXPECT_EQ(status(bad, email_to("bob@demo.example")), 502);
  EXPECT_TRUE(refusing.emails().empty());
  auto nobody = options(free_port());
  mail::Mailer closed(nobody);
  EXPECT_EQ(status(closed, email_to("ada@demo.example")), 502);
  mail::Mailer good(options(taking.port()));
  EXPECT_EQ(status(good, email_to("ada@demo.example")), 0);
}

TEST_F(MailerTest, a_server_that_hangs_is_left) {
  SmtpCapture server(SmtpMood::hangs);
  auto o = options(server.port());
  o.timeout_ms = 200;
  mail::Mailer mailer(o);
  EXPECT_EQ(status(mailer, email_to("ada@demo.example")), 502);
}

TEST_F(MailerTest, stopping_ends_what_hangs_and_takes_no_more) {
  SmtpCapture server(SmtpMood::hangs);
  auto o = options(server.port());
  o.timeout_ms = 600'000;
  mail::Mailer mailer(o);
  int ended = 0;
  boost::asio::co_spawn(io, mailer.send(email_to("ada@demo.example")),
                        [&](std::exception_ptr error) { ended += error ? 1 : 0; });
  io.poll();
  mailer.stop(0);
  const auto told = await(io, eventually([&] { return ended == 1; }));
  EXPECT_TRUE(told);
  EXPECT_EQ(status(mailer, email_to("ada@demo.example")), 503);
}

TEST_F(MailerTest, a_secret_is_not_sent_in_the_clear) {
  SmtpCapture server;  // knows no STARTTLS
  for (const char* security : {"starttls", "tls"}) {
    auto o = options(server.port());
    o.security = security;
    o.timeout_ms = 2'000;
    mail::Mailer mailer(o);
    EXPECT_EQ(status(mailer, email_to("ada@demo.example")), 502) << security;
  }
  EXPECT_TRUE(server.emails().empty());
}

TEST_F(MailerTest, without_a_host_emails_are_files) {
  ScratchDirectory scratch("pulse-outbox");
  mail::MailerOptions o;
  o.outbox = scratch.path() + "/data/outbox";
  mail::Mailer mailer(o);
  send(mailer, email_to("ada@demo.example"));
  send(mailer, email_to("bob@demo.example"));
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(o.outbox)) files.push_back(entry);
  ASSERT_EQ(files.size(), 2u);
  std::sort(files.begin(), files.end());
  EXPECT_EQ(files[0].extension(), ".eml");
  std::ifstream in(files[0]);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_NE(text.str().find("To: ada@demo.example\r\n"), std::string::npos);
  struct stat facts {};
  ASSERT_EQ(::stat(files[0].c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(MailerTest, options_that_can_not_work_are_refused) {
  auto o = options(25);
  o.security = "ssl";
  EXPECT_THROW(mail::Mailer{o}, std::invalid_argument);
  o = options(25);
  o.from = "nobody";
  EXPECT_THROW(mail::Mailer{o}, std::invalid_argument);
  EXPECT_THROW(mail::Mailer{mail::MailerOptions{}}, std::invalid_argument);
}

}  // namespace
}  // namespace pulse::test
