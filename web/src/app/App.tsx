import { Center, Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  Navigate,
  RouterProvider,
} from "@tanstack/react-router";
import { useSyncExternalStore } from "react";
import { answerOf } from "../api/client";
import { type Me, usePlatform } from "../platform";
import { SignInPage } from "../session/SignInPage";
import { Empty, Found } from "../ui/states";
import { PAGES } from "./pages";
import { Shell } from "./Shell";

const root = createRootRouteWithContext<{ me: Me }>()({
  component: function Root() {
    return <Shell me={root.useRouteContext({ select: (context) => context.me })} />;
  },
  notFoundComponent: () => <Empty>There is no such page.</Empty>,
});
const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: function Home() {
    const me = root.useRouteContext({ select: (context) => context.me });
    const first = PAGES.find((page) => me.permissions.includes(page.permission));
    return first === undefined ? (
      <Empty>Your role sees nothing here.</Empty>
    ) : (
      <Navigate to={first.path} replace />
    );
  },
});
const pages = PAGES.map((page) =>
  createRoute({ getParentRoute: () => root, path: page.path, component: page.component }),
);
const router = createRouter({
  routeTree: root.addChildren([home, ...pages]),
  context: { me: undefined as unknown as Me }, // Given where it is rendered: no page is without it.
});

/** The address stays what it is while somebody signs in: he comes to where he wanted to be. */
export function App() {
  const { session } = usePlatform();
  const state = useSyncExternalStore(session.subscribe, session.current);
  if (state.kind === "STARTING") {
    return (
      <Center mih="100vh">
        <Loader aria-label="Signing in" />
      </Center>
    );
  }
  return state.kind === "SIGNED_OUT" ? <SignInPage /> : <SignedIn />;
}

function SignedIn() {
  const { api } = usePlatform();
  const me = useQuery({ queryKey: ["me"], queryFn: () => answerOf(api.GET("/me")), staleTime: 60_000 });
  return <Found query={me}>{(found) => <RouterProvider router={router} context={{ me: found }} />}</Found>;
}
