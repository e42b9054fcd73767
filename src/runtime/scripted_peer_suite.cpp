#include "runtime/scripted_peer_suite.h"

#include <tuple>
#include <variant>

namespace parley::runtime::suite {

Octets metadata_bytes(const Metadata& metadata) {
  Octets bytes = varint(metadata.size());
  for (const MetadataEntry& entry : metadata) {
    Octets value;
    if (const auto* text = std::get_if<std::string>(&entry.value)) {
      value = text_bytes(*text);
    } else if (const auto* number = std::get_if<std::uint64_t>(&entry.value)) {
      value = varint(*number);
    } else {
      const auto& raw = std::get<std::vector<std::uint8_t>>(entry.value);
      value = octets({varint(raw.size()), raw});
    }
    bytes = octets({bytes, text_bytes(entry.key), varint(entry.value.index()), value, varint(entry.flags)});
  }
  return bytes;
}

static std::string method_name(std::uint64_t id) {
  std::string found = "method";
  const auto look = [&]<class S>(S*) {
    std::apply(
        [&]<class... Methods>(Methods... each) {
          ((service::MethodInfo<Methods::pointer>::id == id ? void(found = each.name) : void()), ...);
        },
        service::methods_of<S>());
  };
  look(static_cast<Probe*>(nullptr));
  look(static_cast<Absent*>(nullptr));
  return found;
}

std::string told(ByteView bytes) {
  const Result<wire::roam::Message> decoded = wire::roam::decode_message(bytes, wire::roam::default_limits);
  if (!decoded) return "malformed " + hex(bytes);
  const auto extra = [](const wire::roam::MetadataView& metadata) {
    return metadata.empty() ? std::string() : " {" + to_string(metadata.to_metadata()) + "}";
  };
  const auto tail = [](ByteView rest) { return rest.empty() ? std::string() : " " + hex(rest); };
  const auto list = [](const wire::roam::ChannelList& channels) {
    std::string text;
    for (wire::roam::ChannelList::Cursor cursor(channels); cursor.any();) {
      text += (text.empty() ? " [" : " ") + std::to_string(cursor.next());
    }
    return text.empty() ? text : text + "]";
  };
  const auto settings = [](const wire::roam::Settings& each) {
    return (each.parity == Parity::odd ? " odd " : " even ") + std::to_string(each.max_concurrent_requests);
  };
  const auto id = [](std::uint64_t number) { return std::to_string(number); };
  struct Teller {
    decltype(extra)& extra_of;
    decltype(tail)& tail_of;
    decltype(list)& list_of;
    decltype(settings)& settings_of;
    decltype(id)& id_of;
    std::string operator()(const wire::roam::Hello& hello) const {
      return "hello " + id_of(hello.version) + settings_of(hello.settings) + extra_of(hello.metadata);
    }
    std::string operator()(const wire::roam::HelloYourself& hello) const {
      return "hello yourself" + settings_of(hello.settings) + extra_of(hello.metadata);
    }
    std::string operator()(const wire::roam::ProtocolError& error) const {
      return "protocol error: " + std::string(error.description);
    }
    std::string operator()(const wire::roam::ConnectionOpen&) const { return "open"; }
    std::string operator()(const wire::roam::ConnectionAccept&) const { return "accept"; }
    std::string operator()(const wire::roam::ConnectionReject& reject) const {
      return "reject" + extra_of(reject.metadata);
    }
    std::string operator()(const wire::roam::ConnectionClose&) const { return "close connection"; }
    std::string operator()(const wire::roam::Call& call) const {
      return "call " + id_of(call.id) + " " + method_name(call.method) + list_of(call.channels) +
             extra_of(call.metadata) + tail_of(call.arguments);
    }
    std::string operator()(const wire::roam::Response& response) const {
      return "response " + id_of(response.id) + extra_of(response.metadata) + tail_of(response.result);
    }
    std::string operator()(const wire::roam::Cancel& cancel) const {
      return "cancel " + id_of(cancel.id) + extra_of(cancel.metadata);
    }
    std::string operator()(const wire::roam::Item& item) const { return "item " + id_of(item.id) + tail_of(item.item); }
    std::string operator()(const wire::roam::Close& close) const {
      return "close " + id_of(close.id) + extra_of(close.metadata);
    }
    std::string operator()(const wire::roam::Reset& reset) const {
      return "reset " + id_of(reset.id) + extra_of(reset.metadata);
    }
    std::string operator()(const wire::roam::GrantCredit& grant) const {
      return "grant " + id_of(grant.id) + " " + id_of(grant.additional);
    }
    std::string operator()(const wire::roam::Ping& ping) const { return "ping " + id_of(ping.nonce); }
    std::string operator()(const wire::roam::Pong& pong) const { return "pong " + id_of(pong.nonce); }
  };
  const std::string text = std::visit(Teller{extra, tail, list, settings, id}, decoded->payload);
  return decoded->connection == 0 ? text : "on " + id(decoded->connection) + ": " + text;
}

Scripted::Scripted(ScriptOptions options) {
  add_service<Probe>(table, probe).value();
  auto [ours, theirs] = make_memory_links(world.loop);
  peer = std::make_unique<ScriptedPeer>(world, std::move(theirs));
  session = Hold(Session::start(world.loop, std::make_unique<TrackedLink>(std::move(ours), is_gone), options.role,
                                std::move(options.session), options.methods ? options.methods : &table));
  world.settle();
  if (!options.shakes_hands) return;
  const Metadata mark = options.is_peer_foreign ? Metadata() : parley_mark;
  if (options.role == Session::Role::acceptor) {
    peer->says(say::hello(7, Parity::odd, options.peer_requests_max, mark));
  } else {
    peer->says(say::hello_yourself(Parity::even, options.peer_requests_max, mark));
  }
  EXPECT_TRUE(session->is_established());
  EXPECT_EQ(session->machine().is_peer_foreign(), options.is_peer_foreign || session->options().is_foreign);
  EXPECT_EQ(peer->heard().size(), 1u);  // our hello
}

Scripted::~Scripted() {
  session.reset();
  world.settle();
  peer.reset();  // a session that has ended waits for the end of its peer
  world.settle();
  EXPECT_TRUE(is_gone) << "the session outlives its last caller";
  EXPECT_EQ(world.loop.executor().timer_count(), 0u) << "a timer outlives the session";
  EXPECT_EQ(probe.hanging, 0) << "a handler outlives its session";
}

}  // namespace parley::runtime::suite
