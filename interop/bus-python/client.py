"""A client of the bus. It sends when it is told to, and reads when something is waited for: what comes meanwhile and
was not waited for is kept, in its order."""

import carriers
import codec

VERSION = (1, 0)
TIMEOUT_S = 60  # a watchdog; no statement about speed


class Refused(Exception):
    """An answer that is an error, with its number."""

    def __init__(self, answer):
        super().__init__(f"{answer.name} {answer.reason:#06x}: {answer.text}")
        self.reason, self.text, self.name = answer.reason, answer.text, answer.name


class Client:
    def __init__(self, address, token=b"", connects=True, headers=(), timeout_s=TIMEOUT_S):
        self.carrier = carriers.dial(address, timeout_s, headers)
        self.early = []  # frames that nobody has waited for
        self.streams = {}  # subscription -> its stream
        self.last_stream = 0
        if connects:
            try:
                self.connect(token)
            except BaseException:
                self.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.carrier.close()

    # --- frames

    def send(self, *frames):
        self.carrier.send(*frames)

    def wait(self, is_it):
        """The first frame of which that is so, kept or to come."""
        for index, each in enumerate(self.early):
            if is_it(each):
                return self.early.pop(index)
        while True:
            read = self.carrier.receive()
            if is_it(read):
                return read
            self.early.append(read)

    def answer(self, stream, *names):
        """The next answer on a stream, of one of these names; an error is raised."""
        read = self.wait(lambda each: each.stream == stream and each.name in names)
        if read.name.endswith("Error"):
            raise Refused(read)
        return read

    def ended(self):
        """Reads to the end; what came is kept."""
        try:
            self.wait(lambda _: False)
        except carriers.Ended:
            return True

    def next_stream(self):
        self.last_stream += 1
        return self.last_stream

    # --- the connection

    def connect(self, token=b"", lowest=VERSION, highest=VERSION):
        self.send(codec.frame("Connect", lowest=lowest, highest=highest, token=token))
        return self.answer(0, "ConnectAck", "ConnectError")

    def ping(self):
        self.send(codec.frame("Ping"))
        self.answer(0, "Pong")

    def disconnect(self):
        self.send(codec.frame("Disconnect"))
        return self.ended()

    # --- topics

    def publish_frame(self, topic, payload, key=None, stream=None, schema=codec.NO_SCHEMA, **cause):
        keyed = {} if key is None else {"key": key}
        return codec.frame("Publish", stream or self.next_stream(), codec.WITH_KEY if keyed else 0, topic=topic,
                           envelope=codec.Envelope(payload, schema, **cause), **keyed)

    def publish(self, topic, payload, key=None, **options):
        """The number of the message, and whether it reached a subscriber."""
        sent = self.publish_frame(topic, payload, key, **options)
        self.send(sent)
        answer = self.answer(sent.stream, "PublishAck", "PublishError")
        return answer.message, bool(answer.flags & codec.DELIVERED)

    def subscribe(self, topic, schemas=(), in_flight_max=1024):
        stream = self.next_stream()
        self.send(codec.frame("Subscribe", stream, topic=topic, schemas=list(schemas), in_flight_max=in_flight_max))
        answer = self.answer(stream, "SubscribeAck", "SubscribeError")
        self.streams[answer.subscription] = stream
        return answer

    def unsubscribe(self, subscription):
        self.send(codec.frame("Unsubscribe", self.streams.pop(subscription), subscription=subscription))

    def delivery(self, subscription):
        """The next Deliver, or what ended the subscription as an error."""
        return self.answer(self.streams[subscription], "Deliver", "SubscribeError")

    # --- conversations

    def open(self, label, subject):
        """Success is silent."""
        conversation = codec.conversation_id(label)
        self.send(codec.frame("ConversationOpen", self.next_stream(), conversation=conversation, subject=subject))
        return conversation

    def say(self, conversation, payload, wants_reply=False, **options):
        """The stream on which the reply will come."""
        stream = self.next_stream()
        self.send(codec.frame("ConversationMessage", stream, codec.REPLY if wants_reply else 0,
                              conversation=conversation, envelope=codec.Envelope(payload, **options)))
        return stream

    def reply(self, stream):
        return self.answer(stream, "ConversationMessage", "ConversationError").envelope

    def ask(self, conversation, payload, **options):
        return self.reply(self.say(conversation, payload, wants_reply=True, **options))

    def conversation_error(self, conversation):
        return self.wait(lambda each: each.name == "ConversationError" and each.conversation == conversation)

    def close_conversation(self, conversation, reason=None, text=None):
        self.send(codec.frame("ConversationClose", self.next_stream(), conversation=conversation, reason=reason,
                              text=text))

    # --- workers

    def register(self, namespaces, task_queue, activity_types, identity, node=None):
        """Nothing, or why it was rejected."""
        self.send(codec.frame("WorkerRegister", namespaces=namespaces, task_queue=task_queue, node=node,
                              activity_types=activity_types, identity=identity))
        return self.answer(0, "WorkerRegisterAck").rejected

    def pushed(self):
        return self.wait(lambda each: each.name == "Push")

    def answer_push(self, push, payload):
        self.send(codec.frame("PushReply", push.stream, correlation=push.correlation, payload=payload))
