import java.io.IOException;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import org.springframework.messaging.simp.stomp.StompCommand;
import org.springframework.messaging.simp.stomp.StompFrameHandler;
import org.springframework.messaging.simp.stomp.StompHeaders;
import org.springframework.messaging.simp.stomp.StompSession;
import org.springframework.messaging.simp.stomp.StompSessionHandlerAdapter;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.web.socket.WebSocketHttpHeaders;
import org.springframework.web.socket.client.standard.StandardWebSocketClient;
import org.springframework.web.socket.messaging.WebSocketStompClient;

/** A bot for Maru on Spring's STOMP client: answers !ping and !시간 in one room, each question once. See ../README.md. */
public final class Bot {
    private static final long LONGEST_PAUSE = 30_000; // milliseconds between two attempts to connect

    private final String room;
    private final Path file;

    private Bot(String room, Path file) {
        this.room = room;
        this.file = file;
    }

    /** What the bot says to a message, if anything. The same question gets the same answer, however often it is asked for. */
    private static Optional<String> answerTo(String text, long askedAt) {
        return switch (text.strip()) {
            case "!ping" -> Optional.of("pong");
            case "!시간", "!time" -> Optional.of(DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss 'UTC'")
                    .format(Instant.ofEpochMilli(askedAt).atOffset(ZoneOffset.UTC)));
            default -> Optional.empty();
        };
    }

    /** What the server sent; without headers: the connection has ended. */
    private record Heard(StompCommand command, StompHeaders headers, String text) {
        private static final Heard END = new Heard(StompCommand.DISCONNECT, null, "");
    }

    private static final class Lost extends Exception {}

    /** One connection. Spring calls it on threads of its own; the queues bring it all to the main one. */
    private static final class Connection extends StompSessionHandlerAdapter {
        /** Messages of the room. */
        private final BlockingQueue<Heard> messages = new LinkedBlockingQueue<>();
        /** What became of our frames: RECEIPTs and refusals. */
        private final BlockingQueue<Heard> outcomes = new LinkedBlockingQueue<>();
        private volatile String me;
        /** The ERROR that the server ended the connection with. */
        private volatile Heard error;

        @Override
        public void afterConnected(StompSession session, StompHeaders connected) {
            me = connected.getFirst("x-sender");
        }

        @Override
        public Type getPayloadType(StompHeaders headers) {
            return byte[].class;
        }

        /** Only ERROR comes here. */
        @Override
        public void handleFrame(StompHeaders headers, Object body) {
            error = heard(StompCommand.ERROR, headers, body);
        }

        @Override
        public void handleTransportError(StompSession session, Throwable reason) {
            outcomes.add(Heard.END);
            messages.add(Heard.END);
        }

        StompSession.Subscription subscribe(StompSession session, StompHeaders headers, BlockingQueue<Heard> into) {
            return session.subscribe(headers, new StompFrameHandler() {
                @Override
                public Type getPayloadType(StompHeaders headers) {
                    return byte[].class;
                }

                @Override
                public void handleFrame(StompHeaders headers, Object body) {
                    into.add(heard(StompCommand.MESSAGE, headers, body));
                }
            });
        }

        Heard outcomeOf(StompSession.Receiptable sent) throws Lost, InterruptedException {
            sent.addReceiptTask(receipt -> outcomes.add(new Heard(StompCommand.RECEIPT, receipt, "")));
            return next(outcomes);
        }

        Heard next(BlockingQueue<Heard> queue) throws Lost, InterruptedException {
            Heard heard = queue.take();
            if (heard == Heard.END) {
                throw new Lost();
            }
            return heard;
        }

        private static Heard heard(StompCommand command, StompHeaders headers, Object body) {
            return new Heard(command, headers, body == null ? "" : new String((byte[]) body, StandardCharsets.UTF_8));
        }
    }

    /** Epoch and offset of the last message that has been dealt with; none at the very first start. */
    private Optional<String[]> position() throws IOException {
        return Files.exists(file) ? Optional.of(Files.readString(file).split(" ")) : Optional.empty();
    }

    private void keep(StompHeaders headers) throws IOException {
        Path part = file.resolveSibling(file.getFileName() + ".part");
        Files.writeString(part, headers.getFirst("x-epoch") + " " + headers.getFirst("x-offset"));
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Deals with the room's messages, one by one, until the connection ends. */
    private void serve(Connection connection, StompSession session) throws Lost, InterruptedException, IOException {
        connection.subscribe(session, to("/user/queue/replies"), connection.outcomes);
        StompHeaders headers = to("/topic/rooms." + room);
        headers.setReceipt("room");
        Optional<String[]> last = position();
        last.ifPresent(position -> {
            headers.set("x-recover-epoch", position[0]);
            headers.set("x-recover-offset", position[1]);
        });
        StompHeaders top = connection.outcomeOf(connection.subscribe(session, headers, connection.messages)).headers();
        if (last.isEmpty() || "false".equals(top.getFirst("x-recovered"))) {
            keep(top); // Nothing is replayed: what comes follows this position.
        }
        String count = Optional.ofNullable(top.getFirst("x-replay-count")).orElse("0");
        System.out.println("In " + room + ", " + count + " messages to catch up with");
        while (true) {
            Heard message = connection.next(connection.messages);
            StompHeaders of = message.headers();
            if (!of.getFirst("x-sender").equals(connection.me) && "message".equals(of.getFirst("x-type"))) {
                Optional<String> answer = answerTo(message.text(), Long.parseLong(of.getFirst("x-ts")));
                if (answer.isPresent()) {
                    // The id is made from the question's position. Whoever asks for this answer again, after a lost
                    // connection or a crash of the bot, sends the same id, and the room shows it once.
                    say(connection, session, answer.get(), "answer-" + of.getMessageId());
                }
            }
            keep(of);
        }
    }

    /** Returns when the message stands in the log, or was refused for good. */
    private void say(Connection connection, StompSession session, String text, String id) throws Lost, InterruptedException {
        while (true) {
            StompHeaders headers = to("/app/rooms." + room + ".send");
            headers.set("content-type", "text/plain");
            headers.set("client-msg-id", id);
            headers.setReceipt(id);
            Heard outcome = connection.outcomeOf(session.send(headers, text.getBytes(StandardCharsets.UTF_8)));
            if (outcome.command() == StompCommand.RECEIPT) {
                return;
            }
            System.out.println("Refused, " + outcome.headers().getFirst("x-code") + ": " + outcome.text());
            if (!"true".equals(outcome.headers().getFirst("x-retryable"))) {
                return;
            }
            Thread.sleep(retryAfter(outcome, 1_000));
        }
    }

    private static StompHeaders to(String destination) {
        StompHeaders headers = new StompHeaders();
        headers.setDestination(destination);
        return headers;
    }

    private static long retryAfter(Heard refusal, long otherwise) {
        String milliseconds = refusal.headers().getFirst("x-retry-after-ms");
        return milliseconds == null ? otherwise : Long.parseLong(milliseconds);
    }

    private static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    /** Connects again and again, until the bot is interrupted or the server does not want it. Gives the exit code. */
    private int run(WebSocketStompClient client, String url, StompHeaders login) throws IOException {
        StompSession session = null;
        int failures = 0;
        try {
            while (true) {
                Connection connection = new Connection();
                String why = "the connection has ended";
                try {
                    session = client.connectAsync(url, new WebSocketHttpHeaders(), login, connection).get();
                    failures = 0;
                    serve(connection, session);
                } catch (Lost end) {
                    // The usual end.
                } catch (ExecutionException | RuntimeException reason) { // Spring's RuntimeException: a frame could not be sent.
                    why = reason.getMessage();
                }
                long pause = (long) (ThreadLocalRandom.current().nextDouble(0.5, 1) * Math.min(LONGEST_PAUSE, 1_000L << Math.min(failures, 10)));
                if (connection.error != null) {
                    if ("false".equals(connection.error.headers().getFirst("x-retryable"))) {
                        System.err.println(connection.error.headers().getFirst("message") + ": " + connection.error.text());
                        return 1;
                    }
                    pause = Math.max(pause, retryAfter(connection.error, 0));
                }
                System.out.println("Not connected (" + why + "), trying again in " + pause + " ms");
                Thread.sleep(pause);
                failures++;
            }
        } catch (InterruptedException stop) {
            if (session != null && session.isConnected()) {
                StompHeaders bye = new StompHeaders();
                bye.setReceipt("bye");
                session.disconnect(bye); // Spring closes without waiting for this receipt. What is sent is answered before.
            }
            return 0;
        }
    }

    public static void main(String[] arguments) throws IOException {
        String passcode = System.getenv("BOT_PASSCODE");
        if (passcode == null) {
            System.err.println("Set BOT_PASSCODE to a secret of your choice: with BOT_LOGIN it says who the bot is.");
            System.exit(1);
        }
        StompHeaders login = new StompHeaders();
        login.setLogin(setting("BOT_LOGIN", "java-bot"));
        login.setPasscode(passcode);

        ThreadPoolTaskScheduler scheduler = new ThreadPoolTaskScheduler();
        scheduler.initialize();
        WebSocketStompClient client = new WebSocketStompClient(new StandardWebSocketClient());
        client.setTaskScheduler(scheduler); // for heart-beats, 10 s both ways
        client.setReceiptTimeLimit(90_000); // The server gives an outcome after 60 s at the latest.

        Thread main = Thread.currentThread();
        Thread stop = new Thread(() -> {
            main.interrupt();
            try {
                main.join(10_000);
            } catch (InterruptedException hurry) {
                // Then without saying goodbye.
            }
        });
        Runtime.getRuntime().addShutdownHook(stop); // SIGTERM and Ctrl+C

        Bot bot = new Bot(setting("BOT_ROOM", "general"), Path.of(setting("BOT_POSITION", "position.txt")));
        int code = bot.run(client, setting("MARU_URL", "ws://localhost:8080/ws"), login);
        if (code != 0) {
            Runtime.getRuntime().removeShutdownHook(stop);
            System.exit(code);
        }
    }
}
