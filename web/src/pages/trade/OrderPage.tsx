import { Badge, Group, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { answerOf } from "../../api/client";
import { usePlatform } from "../../platform";
import { shownAmount } from "../../ui/amounts";
import { PageFrame } from "../../ui/PageFrame";
import { Found } from "../../ui/states";
import { shownTime } from "../../ui/times";
import { OrderActions } from "./orders/OrderActions";
import { isFinal, type Order, STATUS_COLOURS, statusWords, typeWords } from "./orderWords";
import { useAccountNames } from "./reads";
import { Execution } from "./story/Execution";
import { Reservation } from "./story/Reservation";
import { between, storyOf } from "./story/story";
import { TimeLine } from "./story/TimeLine";
import { useStory } from "./story/useStory";
import { reasonInWords } from "./ticket/verdicts";

const LOOK_EVERY_MS = 1_500;

export default function OrderPage() {
  const { api } = usePlatform();
  const { orderId = "" } = useParams({ strict: false }) as { orderId?: string };
  const path = { order_id: orderId };
  const order = useQuery({
    queryKey: ["orders", "one", orderId],
    queryFn: () => answerOf(api.GET("/orders/{order_id}", { params: { path } })),
    refetchInterval: (query) =>
      query.state.data && isFinal(query.state.data.status) ? false : LOOK_EVERY_MS,
  });
  return <Found query={order}>{(found) => <Story order={found} />}</Found>;
}

function Story({ order }: { order: Order }) {
  const accountName = useAccountNames();
  const story = useStory(order);
  const words = `${order.side === "BUY" ? "Buy" : "Sell"} ${shownAmount(order.quantity)} ${order.symbol}`;
  return (
    <PageFrame title={words} actions={<OrderActions order={order} />}>
      <Group gap="xs" role="status">
        <Badge color={STATUS_COLOURS[order.status]} tt="none" size="lg" variant="light">
          {statusWords(order.status)}
        </Badge>
        {order.reject_reason !== null && <Text size="sm">{reasonInWords(order.reject_reason)}</Text>}
      </Group>
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="sm" verticalSpacing="xs" component="dl" m={0}>
        <Fact name="Type">{typeWords(order)}</Fact>
        <Fact name="Price">{order.price === null ? "market" : shownAmount(order.price)}</Fact>
        <Fact name="Filled">
          {shownAmount(order.cum_qty)} of {shownAmount(order.quantity)}
        </Fact>
        <Fact name="Average price">{order.avg_px === null ? "–" : shownAmount(order.avg_px)}</Fact>
        <Fact name="Account">{accountName(order.account_id)}</Fact>
        <Fact name="Venue">{order.venue}</Fact>
        {order.expire_time !== null && <Fact name="Ends">{shownTime(order.expire_time)}</Fact>}
        <Fact name="Received">{shownTime(order.created_at)}</Fact>
        <Fact name={isFinal(order.status) ? "From receipt to end" : "Last word after"}>
          {between(order.created_at, order.updated_at)}
        </Fact>
        <Fact name="Client order id">{order.client_order_id}</Fact>
        <Fact name="Order id">{order.order_id}</Fact>
        <Fact name="Correlation id">{order.correlation_id}</Fact>
      </SimpleGrid>
      <Part title="What it holds of limits">
        <Reservation order={order} />
      </Part>
      <Part title="What happened">
        <Found query={story}>
          {(told) => (
            <>
              <TimeLine chapters={storyOf(told)} />
              {told.isCut && (
                <Text size="xs" c="dimmed">
                  It has had more events than are shown here.
                </Text>
              )}
            </>
          )}
        </Found>
      </Part>
      {order.execution !== null && (
        <Part title="How it was worked">
          <Execution order={order} />
        </Part>
      )}
    </PageFrame>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="md" component="section">
      <Stack gap="sm">
        <Title order={2} size="h4">
          {title}
        </Title>
        {children}
      </Stack>
    </Paper>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <Text component="dt" size="xs" c="dimmed">
        {name}
      </Text>
      <Text component="dd" size="sm" m={0} style={{ overflowWrap: "anywhere" }}>
        {children}
      </Text>
    </div>
  );
}
