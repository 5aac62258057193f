import { Badge, Button, Group, Modal, SegmentedControl, Select, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDeviceMobile } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { AlertRow } from "../../alerts/AlertRow";
import { CATEGORIES, queryOf, SEVERITIES, spoken } from "../../alerts/alerts";
import classes from "../../alerts/alerts.module.css";
import { answerOf } from "../../api/client";
import { useAlertsConnection } from "../../live/hooks";
import { usePlatform } from "../../platform";
import { PageFrame } from "../../ui/PageFrame";
import { Empty, Failed, Loading } from "../../ui/states";
import { useAddress } from "../../ui/useAddress";
import { PushSetting } from "./PushSetting";

const PAGE = 50;
const STATES = [
  { value: "open", label: "Open" },
  { value: "acknowledged", label: "Acknowledged" },
  { value: "all", label: "All" },
];

export default function AlertsPage() {
  const [state, setState] = useAddress("state", "open");
  const [severity, setSeverity] = useAddress("severity", "all");
  const [category, setCategory] = useAddress("category", "all");
  return (
    <PageFrame title="Alerts" actions={<Actions />}>
      <Group align="flex-end" gap="sm">
        <SegmentedControl aria-label="State" data={STATES} value={state} onChange={setState} />
        <Select
          label="Severity"
          w={150}
          allowDeselect={false}
          data={[
            { value: "all", label: "All" },
            ...SEVERITIES.map((each) => ({ value: each, label: spoken(each) })),
          ]}
          value={severity}
          onChange={(value) => setSeverity(value ?? "all")}
        />
        <Select
          label="About"
          w={190}
          allowDeselect={false}
          data={[
            { value: "all", label: "All" },
            ...CATEGORIES.map((each) => ({ value: each, label: spoken(each) })),
          ]}
          value={category}
          onChange={(value) => setCategory(value ?? "all")}
        />
      </Group>
      <AlertList state={state} severity={severity} category={category} />
    </PageFrame>
  );
}

function AlertList(choice: { state: string; severity: string; category: string }) {
  const { api } = usePlatform();
  const query = queryOf(choice);
  const alerts = useInfiniteQuery({
    queryKey: ["alerts", "list", query],
    queryFn: ({ pageParam }) =>
      answerOf(
        api.GET("/alerts", {
          params: { query: { ...query, limit: PAGE, ...(pageParam === null ? {} : { cursor: pageParam }) } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
  const rows = alerts.data?.pages.flatMap((page) => page.items);
  return (
    <Stack gap="sm">
      {alerts.error !== null && (
        <Failed error={alerts.error} tryAgain={() => void alerts.refetch()} isTrying={alerts.isFetching} />
      )}
      {rows === undefined && alerts.error === null && <Loading />}
      {rows?.length === 0 && (
        <Empty>
          {choice.state === "open" ? "Nothing is open: all is calm, or taken up." : "No such alerts."}
        </Empty>
      )}
      {rows !== undefined && rows.length > 0 && (
        <ul className={classes.list} aria-label="Alerts">
          {rows.map((alert) => (
            <AlertRow key={alert.alert_id} alert={alert} />
          ))}
        </ul>
      )}
      {alerts.hasNextPage && (
        <Button
          variant="default"
          loading={alerts.isFetchingNextPage}
          onClick={() => void alerts.fetchNextPage()}
        >
          More
        </Button>
      )}
    </Stack>
  );
}

function Actions() {
  const [isOpen, { open, close }] = useDisclosure(false);
  return (
    <>
      <Live />
      <Button variant="default" leftSection={<IconDeviceMobile size={18} aria-hidden />} onClick={open}>
        This device
      </Button>
      <Modal opened={isOpen} onClose={close} title="Alerts while the app is closed" centered>
        <PushSetting />
      </Modal>
    </>
  );
}

function Live() {
  const connection = useAlertsConnection();
  return connection.kind === "LIVE" ? (
    <Badge color="teal" variant="light" c="var(--mantine-color-text)" role="status">
      live
    </Badge>
  ) : (
    <Text size="sm" c="dimmed" role="status">
      not live
    </Text>
  );
}
