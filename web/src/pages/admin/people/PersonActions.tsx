import { Button, PasswordInput, Select, Text } from "@mantine/core";
import { useState } from "react";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { ConfirmDialog } from "../../../ui/ConfirmDialog";
import { useAction } from "../../../ui/useAction";
import { useMe } from "../../../ui/useMe";
import { PEOPLE, type Person } from "../parts/directory";
import { FormDialog } from "../parts/FormDialog";
import { type Role, rolesToGive, shownRole } from "../parts/roles";

type Asked = "ROLE" | "DISABLE" | "INVITE" | "TOTP" | null;

/** What an administrator does with a person. One's own role and state are for another administrator. */
export function PersonActions({ person, isOneself }: { person: Person; isOneself: boolean }) {
  const { api } = usePlatform();
  const [asked, setAsked] = useState<Asked>(null);
  const path = { user_id: person.user_id };
  const close = () => setAsked(null);
  const done = { changes: [PEOPLE], onDone: close };
  const disable = useAction(
    (is_disabled: boolean) =>
      answerOf(api.PATCH("/users/{user_id}", { params: { path }, body: { is_disabled } })),
    done,
  );
  const resetTotp = useAction(
    (_: null) => answerOf(api.DELETE("/users/{user_id}/totp", { params: { path } })),
    { ...done, changes: [PEOPLE, ["admin", "sessions", person.user_id]] },
  );
  return (
    <>
      {!isOneself && !person.is_disabled && (
        <Button variant="default" onClick={() => setAsked("ROLE")}>
          Change role
        </Button>
      )}
      <Button variant="default" onClick={() => setAsked("INVITE")} disabled={person.is_disabled}>
        Invite again
      </Button>
      <Button variant="default" onClick={() => setAsked("TOTP")}>
        Reset second factor
      </Button>
      {!isOneself && (
        <Button
          variant="light"
          {...(person.is_disabled ? {} : { color: "red" })}
          onClick={() => setAsked("DISABLE")}
        >
          {person.is_disabled ? "Enable" : "Disable"}
        </Button>
      )}
      {asked === "ROLE" && <RoleDialog person={person} onClose={close} />}
      {asked === "INVITE" && <InviteAgainDialog person={person} onClose={close} />}
      {asked === "TOTP" && (
        <ConfirmDialog
          title={`Reset the second factor of ${person.username}`}
          confirm="Reset it"
          error={resetTotp.error}
          isRunning={resetTotp.isRunning}
          onConfirm={() => resetTotp.run(null)}
          onClose={close}
        >
          For a lost telephone. All sessions of {person.username} end, and so does a linked Telegram chat.
        </ConfirmDialog>
      )}
      {asked === "DISABLE" && (
        <ConfirmDialog
          title={person.is_disabled ? `Enable ${person.username}` : `Disable ${person.username}`}
          confirm={person.is_disabled ? "Enable" : "Disable"}
          error={disable.error}
          isRunning={disable.isRunning}
          onConfirm={() => disable.run(!person.is_disabled)}
          onClose={close}
        >
          {person.is_disabled
            ? "Sign-in works again. API keys and sessions of before stay ended."
            : "Sessions, sockets and tokens end within 5 seconds. API keys end for good. Open orders stay."}
        </ConfirmDialog>
      )}
    </>
  );
}

function RoleDialog({ person, onClose }: { person: Person; onClose: () => void }) {
  const { api } = usePlatform();
  const me = useMe();
  const [role, setRole] = useState(person.role as Role);
  const change = useAction(
    (chosen: Role) =>
      answerOf(
        api.PATCH("/users/{user_id}", {
          params: { path: { user_id: person.user_id } },
          body: { role: chosen },
        }),
      ),
    { changes: [PEOPLE], onDone: onClose },
  );
  return (
    <FormDialog
      title={`Role of ${person.username}`}
      confirm="Change role"
      action={change}
      fields={["role"]}
      onSubmit={() => change.run(role)}
      onClose={onClose}
      isReady={role !== person.role}
    >
      {(errors) => (
        <>
          <Select
            label="Role"
            data={rolesToGive(me?.permissions ?? [])}
            value={role}
            error={errors.role}
            allowDeselect={false}
            onChange={(chosen) => chosen !== null && setRole(chosen as Role)}
          />
          <Text size="sm" c="dimmed">
            Now {shownRole(person.role)}. The change holds everywhere within 5 seconds.
          </Text>
        </>
      )}
    </FormDialog>
  );
}

function InviteAgainDialog({ person, onClose }: { person: Person; onClose: () => void }) {
  const { api } = usePlatform();
  const [password, setPassword] = useState("");
  const invite = useAction(
    (typed: string) =>
      answerOf(
        api.POST("/users/{user_id}/invitation", {
          params: { path: { user_id: person.user_id } },
          body: typed === "" ? {} : { temporary_password: typed },
        }),
      ),
    { changes: [PEOPLE], onDone: onClose },
  );
  return (
    <FormDialog
      title={`Invite ${person.username} again`}
      confirm="Invite again"
      action={invite}
      fields={["temporary_password"]}
      onSubmit={() => invite.run(password)}
      onClose={onClose}
    >
      {(errors) => (
        <PasswordInput
          label="Temporary password"
          description={`Left empty, one is mailed to ${person.email}.`}
          autoComplete="off"
          maxLength={256}
          value={password}
          error={errors.temporary_password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
      )}
    </FormDialog>
  );
}
